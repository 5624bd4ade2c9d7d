"""What the drill of a hostile consumer counts as a failure."""

from dataclasses import replace

import pytest

from drills.consumer_lies import Seen, judge
from drills.drill import Drill
from tests.drills.drilled import finds, passes

UNNOTICED = Seen(
    before=1.0,
    meanwhile=1.4,
    lies=10,
    kinds=9,
    lagging=[],
    behind=0,
    held={"orders": 1, "parked": 0, "oldest": {"orderId": "a"}},
    refused="a",
)
FAULTS = {
    "nobody lied": replace(UNNOTICED, lies=0),
    "one lie was not told": replace(UNNOTICED, lies=8),
    "nobody can lie": replace(UNNOTICED, kinds=0),
    "another one lags behind": replace(UNNOTICED, lagging=["crm"]),
    "it was not sent an event again": replace(UNNOTICED, behind=1),
    "another order is held": replace(UNNOTICED, refused="b"),
    "no order is held": replace(UNNOTICED, held={"orders": 0, "parked": 0, "oldest": None}),
    "two orders are held": replace(UNNOTICED, held=UNNOTICED.held | {"orders": 2}),
    "the others are delayed": replace(UNNOTICED, meanwhile=1.6),
}


def judged(seen: Seen) -> Drill:
    drill = Drill("consumer-lies")
    judge(drill, seen, enough=True)
    return drill


def test_lies_that_nobody_else_has_noticed() -> None:
    assert judged(UNNOTICED).passed


@pytest.mark.parametrize("fault", FAULTS)
def test_the_drill_fails_on_a_fault(fault: str) -> None:
    assert not judged(FAULTS[fault]).passed


def test_nobody_else_notices_a_hostile_consumer() -> None:
    assert passes("consumer-lies")


@pytest.mark.whole
def test_it_finds_that_events_of_an_order_overtake_one_another() -> None:
    assert finds("consumer-lies", "unordered", because="while another of their order was under way")


@pytest.mark.whole
def test_it_finds_that_nobody_has_lied() -> None:
    assert finds("consumer-lies", "paused")
