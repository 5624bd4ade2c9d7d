"""What the scaling drills count as a failure."""

import pytest

from drills import autoscale
from drills.drill import Drill
from tests.drills.drilled import finds

FAULTS = {"no more than one": [1], "still two": [1, 4, 3, 2], "none for a while": [1, 4, 1, 0, 1]}


def seen(workers: list[int]) -> Drill:
    drill = Drill("autoscale")
    autoscale.judge(drill, [{"workers": number} for number in workers])
    return drill


def test_more_workers_while_there_is_more_to_do_and_then_one_again() -> None:
    assert seen([1, 4, 3, 2, 1]).passed


@pytest.mark.parametrize("fault", FAULTS)
def test_the_autoscaling_drill_fails_on_a_fault(fault: str) -> None:
    assert not seen(FAULTS[fault]).passed


@pytest.mark.whole
def test_the_scale_out_drill_finds_an_order_that_was_worked_off_twice() -> None:
    assert finds("scale-out", "twice")
