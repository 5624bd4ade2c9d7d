"""What the drill of attackers counts as a failure."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import pytest

from drills.attack import Seen, judge
from drills.attack_costs import Cost
from drills.attack_waves import Wave
from drills.attackers import Answers, Attacker
from drills.drill import Drill
from drills.health_watch import Look
from tests.drills.drilled import finds

ADDRESS = "127.0.0.2"
LOOK = Look(at=0, answered=True, took=0.4, starved=0.3, resident=150, held=Counter({ADDRESS: 200}))
CHEAP = Cost("GET /orderStatuses, status repeated", times=2.0, size=900, errors=10)
REFUSED = Answers(Counter({HTTPStatus.NOT_FOUND: 330, HTTPStatus.TOO_MANY_REQUESTS: 900}), largest_refusal=900)


async def nothing(_: Wave) -> None:
    """Attack nobody."""


def seen(*looks: Look, answers: Answers = REFUSED, left: int = 0, restarts: int = 0) -> Seen:
    attacker = Attacker(ADDRESS, ("127.0.0.1", 8080), answers)
    wave = Wave("a flood, no token", attacker, nothing, seconds=6, left=left, restarts=restarts)
    return Seen([(wave, looks or [LOOK] * 30)], resident=120, costs=[CHEAP])


def looks(number: int, **changed: Any) -> list[Look]:
    return [LOOK] * 20 + [replace(LOOK, **changed) for _ in range(number)] + [LOOK] * 20


FAULTS: dict[str, Callable[[], Seen]] = {
    "it took too long to say that it lives": lambda: seen(*looks(1, took=1.4)),
    "it did not say that it lives": lambda: seen(*looks(1, answered=False)),
    "its loop was late": lambda: replace(seen(), slow_loops=1),
    "memory grows": lambda: seen(*looks(1, resident=181)),
    "it was restarted": lambda: seen(restarts=1),
    "a request is costly": lambda: replace(seen(), costs=[CHEAP, replace(CHEAP, times=6.0)]),
    "a refusal names many errors": lambda: replace(seen(), costs=[CHEAP, replace(CHEAP, errors=11)]),
    "an answer to a costly request is large": lambda: replace(seen(), costs=[CHEAP, replace(CHEAP, size=17_000)]),
    "a refusal is large": lambda: seen(answers=replace(REFUSED, largest_refusal=17_000)),
    "an address holds many connections": lambda: seen(*looks(10, held=Counter({ADDRESS: 201}))),
    "connections were not closed": lambda: seen(left=1),
    "nobody's requests are answered": lambda: seen(answers=Answers(Counter({HTTPStatus.NOT_FOUND: 331}))),
}


def judged(observed: Seen) -> Drill:
    drill = Drill("attack")
    judge(drill, observed)
    return drill


@pytest.mark.parametrize(
    "observed",
    [
        seen(),
        # The machine had no processor for it.
        replace(seen(*looks(1, took=5, starved=4.5)), slow_loops=1),
        # They were accepted, and closed at once.
        seen(*looks(9, held=Counter({ADDRESS: 300}))),
    ],
)
def test_an_attack_that_nobody_has_noticed(observed: Seen) -> None:
    assert judged(observed).passed


@pytest.mark.parametrize("fault", FAULTS)
def test_the_attack_drill_fails_on_a_fault(fault: str) -> None:
    assert not judged(FAULTS[fault]()).passed


@pytest.mark.whole
def test_it_finds_that_an_address_may_hold_any_number_of_connections() -> None:
    assert finds("attack", "connections")
