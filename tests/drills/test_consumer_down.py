"""What the drill of a consumer that is gone counts as a failure."""

from dataclasses import replace

import pytest

from drills.consumer_down import Seen, back_within, judge
from drills.drill import Drill
from tests.drills.drilled import finds, passes

BACK = Seen(noticed=True, before=1.0, meanwhile=1.4, missed=500, back_after=90)
FAULTS = {
    "nobody noticed": replace(BACK, noticed=False),
    "nothing was missed": replace(BACK, missed=0),
    "it does not catch up": replace(BACK, back_after=None),
    "it catches up too late": replace(BACK, back_after=121),
    "the other one is delayed": replace(BACK, meanwhile=1.6),
    "the other one is sent nothing": replace(BACK, meanwhile=None),
}


def judged(seen: Seen) -> Drill:
    drill = Drill("consumer-down")
    judge(drill, seen, back_within(300), enough=True)
    return drill


def test_a_consumer_that_has_come_back() -> None:
    assert judged(BACK).passed


@pytest.mark.parametrize("fault", FAULTS)
def test_the_drill_fails_on_a_fault(fault: str) -> None:
    assert not judged(FAULTS[fault]).passed


@pytest.mark.parametrize(("minutes", "seconds"), [(0.05, 120), (5, 120), (10, 240), (30, 720)])
def test_who_was_away_for_long_has_more_time_to_catch_up(minutes: float, seconds: float) -> None:
    assert back_within(60 * minutes) == seconds


def test_a_consumer_that_comes_back_gets_what_it_has_missed() -> None:
    assert passes("consumer-down")


@pytest.mark.whole
def test_it_finds_that_an_event_was_left_out() -> None:
    assert finds("consumer-down", "skipped", because="gone has ")


@pytest.mark.whole
def test_it_finds_that_nothing_was_sent_to_anybody() -> None:
    assert finds("consumer-down", "paused")
