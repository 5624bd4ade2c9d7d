"""What the soak counts as a failure."""

from collections import Counter

import pytest

from drills.drill import Drill
from drills.soak import Seen, judge
from tests.drills.drilled import finds

FLAT = [90.0] * 100 + [100.0] * 200
"""MiB: memory fills up, and then stays constant."""
GROWS = [100 + number * 0.15 for number in range(300)]
KILLED = Counter({"temporal": 30, "api-mortal": 60})
FAULTS = {
    "the API's memory grows": Seen(KILLED, {"worker": FLAT, "api": GROWS}),
    "the worker's memory grows": Seen(KILLED, {"worker": GROWS, "api": FLAT}),
    "nobody looked at memory": Seen(KILLED, {"worker": FLAT, "api": []}),
    "nothing was killed": Seen(Counter(), {"worker": FLAT, "api": FLAT}),
}


def judged(seen: Seen) -> Drill:
    drill = Drill("soak")
    judge(drill, seen, enough=True)
    return drill


def test_parts_were_killed_and_memory_stayed_flat() -> None:
    assert judged(Seen(KILLED, {"worker": FLAT, "api": FLAT})).passed


@pytest.mark.parametrize("fault", FAULTS)
def test_the_soak_fails_on_a_fault(fault: str) -> None:
    assert not judged(FAULTS[fault]).passed


@pytest.mark.whole
def test_it_finds_that_an_order_was_forgotten() -> None:
    assert finds("soak", "forgotten")
