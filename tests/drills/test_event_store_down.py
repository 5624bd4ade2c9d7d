"""What the drill of event delivery that is gone counts as a failure."""

from collections import Counter
from dataclasses import replace

import pytest

from drills.drill import Drill
from drills.event_store_down import Phase, judge
from tests.databases import POSTGRESQL, kinds
from tests.drills.drilled import finds, passes

needs_a_database_server = pytest.mark.skipif(POSTGRESQL not in kinds(), reason="PostgreSQL is not installed")
THERE = Phase("there", 100, 200, 100, Counter({200: 200}), log=200, out=False)
GONE = replace(THERE, name="gone", log=503, out=True)
FAULTS = {
    "no order that is placed is completed": replace(GONE, completed=0),
    "orders are slower": replace(GONE, orders=150),
    "the view does not answer": replace(GONE, looks=Counter({200: 199, 503: 1})),
    "it was not gone": replace(GONE, log=200),
    "it does not come back": replace(GONE, out=False),
}


def judged(phase: Phase) -> Drill:
    drill = Drill("event-store-down")
    judge(drill, [THERE, phase], enough=True)
    return drill


def test_an_outage_that_nobody_has_noticed() -> None:
    assert judged(GONE).passed


@pytest.mark.parametrize("fault", FAULTS)
def test_the_drill_fails_on_a_fault(fault: str) -> None:
    assert not judged(FAULTS[fault]).passed


@needs_a_database_server
def test_everything_is_delivered_after_an_outage_of_event_delivery() -> None:
    assert passes("event-store-down")


@pytest.mark.whole
@needs_a_database_server
def test_it_finds_that_waiting_events_are_deleted() -> None:
    assert finds("event-store-down", "forgotten", because=" events of ")


@pytest.mark.whole
@needs_a_database_server
def test_it_finds_that_orders_come_to_no_end() -> None:
    assert finds("event-store-down", "stopped", because=" 0 orders were placed and completed")
