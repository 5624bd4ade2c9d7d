"""What the drill of hanging parts counts as a failure."""

import pytest

from drills.drill import Drill
from drills.self_heal import Seen, judge

HEALED = [Seen("worker", 12, named=True), Seen("api", 13, named=True)]
FAULTS = {
    "nobody found out": [Seen("worker", None, named=False)],
    "it was replaced, and nobody knows why": [HEALED[0], Seen("api", 13, named=False)],
    "the API never hung": HEALED[:1],
}


def judged(seen: list[Seen]) -> Drill:
    drill = Drill("self-heal")
    judge(drill, seen)
    return drill


def test_parts_that_were_found_out_named_and_replaced() -> None:
    assert judged(HEALED).passed


@pytest.mark.parametrize("fault", FAULTS)
def test_the_self_heal_drill_fails_on_a_fault(fault: str) -> None:
    assert not judged(FAULTS[fault]).passed
