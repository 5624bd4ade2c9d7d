"""The upgrade from the previous release, and what that drill counts as a failure."""

import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from domain.orders import OrderStatus
from drills.drill import Drill
from drills.journeys import Journey, journeys
from drills.rollout import Seen
from drills.upgrade import judge
from tests.drills.drilled import finds, passes
from tests.programs import the_release_before

WITHIN = 900
"""Seconds, for a slow and busy machine."""
LEFT = {*(status for status in OrderStatus if not status.final), "InstallationStarted"}
UNNOTICED = Seen(
    answers=Counter({200: 90, 409: 2, 503: 1}),
    left={str(each) for each in LEFT},
    ends=Counter({"JOIN_COMPLETED": 4, "ORDER_CANCELED": 3}),
)
FAULTS = {
    "an API had a fault": replace(UNNOTICED, answers=Counter({200: 90, 500: 1})),
    "a workflow task has failed": replace(UNNOTICED, failed=Counter({"order-a: NON_DETERMINISTIC_ERROR": 1})),
    "an act was refused": replace(UNNOTICED, surprises=["accept of beside-0-1: 409"]),
    "an order has ended otherwise": replace(UNNOTICED, ends=Counter({"JOIN_COMPLETED": 4, "otherwise": 1})),
    **{f"none was left {each}": replace(UNNOTICED, left=UNNOTICED.left - {str(each)}) for each in sorted(LEFT)},
}


def judged(seen: Seen) -> Drill:
    drill = Drill("upgrade")
    judge(drill, seen)
    return drill


def left(journey: Journey) -> tuple[str, ...]:
    return tuple(journey.steps[: journey.leave_after])


def test_an_upgrade_that_nobody_has_noticed() -> None:
    assert judged(UNNOTICED).passed


@pytest.mark.parametrize("fault", FAULTS)
def test_the_upgrade_drill_fails_on_a_fault(fault: str) -> None:
    assert not judged(FAULTS[fault]).passed


def test_orders_are_left_at_every_step_and_both_completed_and_canceled() -> None:
    found = journeys("stage")

    completed, canceled = ([each for each in found if (each.steps[-1] == "cancel") is so] for so in (False, True))
    for way in {tuple(journey.steps) for journey in completed}:
        assert {way[:after] for after in range(len(way))} <= {left(journey) for journey in completed}
    for before in ((), ("accept",), ("accept", "start"), ("accept", "start", "fail"), ("reschedule",), ("decline",)):
        assert before in {left(journey) for journey in canceled}
    assert len({journey.key for journey in found}) == len(found)


@pytest.mark.timeout(WITHIN + 60)
def test_it_is_made_once_and_kept() -> None:
    first = the_release_before()
    made = (first.directory.parent / "made").stat()

    again = the_release_before()

    assert again == first
    assert (again.directory.parent / "made").stat() == made
    asked = "import temporalio; print(temporalio.__file__)"
    found = subprocess.run([first.python, "-c", asked], capture_output=True, text=True, check=True)
    assert Path(found.stdout).is_relative_to(first.python.parents[1])


@pytest.mark.timeout(WITHIN + 60)
def test_the_release_before_gives_way_to_this_one() -> None:
    the_release_before()
    assert passes("upgrade", within=WITHIN)


@pytest.mark.whole
@pytest.mark.timeout(WITHIN + 60)
def test_it_finds_that_old_orders_do_not_fit_new_code() -> None:
    the_release_before()
    assert finds("upgrade", "unpatched", within=WITHIN)
