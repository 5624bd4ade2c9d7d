"""What the drill of waiting orders counts as a failure."""

from dataclasses import replace

import pytest

from drills.waiting_orders import Seen, judged
from tests.drills.drilled import finds

AS_PROMISED = Seen(
    orders=["a", "b", "c"],
    visits={"a": "2026-11-26T00:00:00Z", "b": "2026-11-25T00:00:00Z"},
    assigned={"a": "2026-11-23T01:00:01Z", "b": "2026-11-23T01:00:02Z"},
    newcomer="n",
    canceled="a",
    heir="c",
)
FAULTS = {
    "nobody went on": replace(AS_PROMISED, visits={}, assigned={}, heir=None),
    "one who came later went on, and one before did not": replace(
        AS_PROMISED,
        visits={"a": "2026-11-26T00:00:00Z", "c": "2026-11-25T00:00:00Z"},
        assigned={"a": "2026-11-23T01:00:01Z", "c": "2026-11-23T01:00:02Z"},
        heir="b",
    ),
    "out of order": replace(AS_PROMISED, assigned={"a": "2026-11-23T01:00:02Z", "b": "2026-11-23T01:00:01Z"}),
    "a window sold twice": replace(AS_PROMISED, visits=dict.fromkeys("ab", "2026-11-25T00:00:00Z")),
    "the newcomer has overtaken": replace(
        AS_PROMISED, visits=AS_PROMISED.visits | {"n": "2026-11-27T00:00:00Z"}, heir="c"
    ),
    "the newcomer inherits": replace(AS_PROMISED, heir="n"),
}


def test_a_drill_in_which_all_went_as_promised_has_passed() -> None:
    drill = judged(AS_PROMISED)

    assert drill.passed
    assert "passed" in drill.report()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_drill_fails_on_a_fault(fault: str) -> None:
    drill = judged(FAULTS[fault])

    assert not drill.passed
    assert "FAILED" in drill.report()
    assert "✗" in drill.report()


@pytest.mark.whole
def test_it_finds_that_the_one_who_has_waited_longest_is_forgotten() -> None:
    assert finds("waiting-orders", "forgotten")
