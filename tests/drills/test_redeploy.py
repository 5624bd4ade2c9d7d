"""What the redeployment drill counts as a failure."""

from collections import Counter
from dataclasses import replace

import pytest

from drills.drill import Drill
from drills.redeploy import Seen, judge
from harness.siege import Siege

UNNOTICED = Seen(
    siege=Siege(seconds=150, succeeded=2, failed=0, mean_seconds=0.1, longest_seconds=0.2),
    answers=Counter({"201": 2, "201 CD": 1}),
    replaced=4,
    took=60,
    orders=["a", "b", "c"],
    url="",
)
"""The third order was interrupted by siege at its end."""
FAULTS = {
    "a client was refused": replace(UNNOTICED, siege=replace(UNNOTICED.siege, failed=1)),
    "nobody ordered": replace(UNNOTICED, siege=replace(UNNOTICED.siege, succeeded=0)),
    "it took longer than the siege": replace(UNNOTICED, replaced=0),
    "an order that a client knows was never acknowledged": replace(UNNOTICED, orders=["a"]),
    "an API could not answer": replace(UNNOTICED, answers=Counter({"201": 3, "503": 1})),
    "an API was not there": replace(UNNOTICED, answers=Counter({"201": 3, "503 SC": 1})),
}


def judged(seen: Seen) -> Drill:
    drill = Drill("redeploy")
    judge(drill, seen)
    return drill


def test_a_redeployment_that_nobody_has_noticed() -> None:
    assert judged(UNNOTICED).passed


@pytest.mark.parametrize("fault", FAULTS)
def test_the_redeployment_drill_fails_on_a_fault(fault: str) -> None:
    assert not judged(FAULTS[fault]).passed
