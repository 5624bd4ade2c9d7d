"""What the drill of replicas of a consumer counts as a failure."""

from dataclasses import replace

import pytest

from drills.consumers_share import Span, judge
from drills.drill import Drill
from harness.ledger import HANDLED, Request
from tests.drills.drilled import finds, passes
from tests.programs import program

ONE, OTHER = "consumer-shared-0", "consumer-shared-1"


def request(replica: str, status: int | None = HANDLED) -> Request:
    return Request(1, replica, "a-0", "a", "orders.JoinOrdered", 0, "1", 0.0, 1.0, 1.1, status)


SHARED = Span("two replicas", [ONE, OTHER], [request(ONE), request(OTHER), request(OTHER, None)])
FAULTS = {
    "one got nothing": replace(SHARED, requests=[request(ONE)]),
    "one confirmed nothing": replace(SHARED, requests=[request(ONE), request(OTHER, None)]),
}


def judged(span: Span) -> Drill:
    drill = Drill("consumers-share")
    judge(drill, [span])
    return drill


def test_replicas_that_share() -> None:
    assert judged(SHARED).passed


@pytest.mark.parametrize("fault", FAULTS)
def test_the_drill_fails_on_a_fault(fault: str) -> None:
    assert not judged(FAULTS[fault]).passed


def test_replicas_get_each_event_once_between_them() -> None:
    program("haproxy")
    assert passes("consumers-share")


@pytest.mark.whole
def test_it_finds_that_events_are_sent_once_more() -> None:
    program("haproxy")
    assert finds("consumers-share", "repeated", because="came again")
