"""A process that was frozen and goes on: Temporal has given its work to another process meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Container
from itertools import count
from typing import Any

import pytest

from activities.event_delivery import journal, watch
from activities.event_delivery.consumer import Consumer
from activities.event_delivery.delivery import DeliveryActivities
from domain.event_delivery.delivery import Delivered
from harness.waiting import PATIENCE
from tests.event_delivery.delivering import Delivering, recipient, running

AT_ONCE = 3
LATER = range(1, 10**9)
"""Numbers of all calls but the first."""
Method = Callable[..., Awaitable[Any]]


class Frost:
    """Freezes a process in calls of its methods, until it goes on."""

    def __init__(self) -> None:
        self.frozen = asyncio.Event()
        self.goes_on = asyncio.Event()

    def at(self, method: Method, calls: Container[int]) -> Method:
        """Return a method that freezes with the calls that have these numbers, from 0 on."""
        numbers = count()

        async def freeze(*given: Any, **named: Any) -> Any:
            if next(numbers) in calls and not self.goes_on.is_set():
                self.frozen.set()
                await self.goes_on.wait()
            return await method(*given, **named)

        return freeze


def freeze(activities: DeliveryActivities, place: str, frost: Frost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a process freeze at a place."""
    store, looking = activities.store, activities.watch
    if place == "before it looks again":
        monkeypatch.setattr(looking, "look", frost.at(looking.look, LATER))
    elif place == "before it saves":
        monkeypatch.setattr(store, "save", frost.at(store.save, range(1)))
    elif place == "between the look and the requests":
        monkeypatch.setattr(store, "read", frost.at(store.read, range(1)))
    else:  # its first requests have begun, and nothing of them is sent
        monkeypatch.setattr(Consumer, "post", frost.at(Consumer.post, range(AT_ONCE)))
        monkeypatch.setattr(looking, "look", frost.at(looking.look, LATER))


@pytest.mark.parametrize(
    ("place", "save_every", "begun"),
    [
        ("before it looks again", 1000.0, 0),
        ("before it saves", 0.0, 0),
        ("between the look and the requests", 0.0, AT_ONCE),
        ("between the look and the requests", 1000.0, AT_ONCE),
        ("between the look and the posts", 1000.0, AT_ONCE),
    ],
)
async def test_a_process_that_was_frozen_sends_what_it_has_begun_and_writes_nothing(
    delivering: Delivering, monkeypatch: pytest.MonkeyPatch, place: str, save_every: float, begun: int
) -> None:
    monkeypatch.setattr(journal, "SAVE_EVERY", save_every)
    monkeypatch.setattr(watch, "LOOK_EVERY", 0.0)
    activities, frost = delivering.activities(), Frost()
    freeze(activities, place, frost, monkeypatch)
    async with recipient() as seen:
        await delivering.subscribe(seen.port, at_once=AT_ONCE)
        await delivering.tell(*"abcdef", *"abcdef")
        earlier = asyncio.ensure_future(running(activities))
        await asyncio.wait_for(frost.frozen.wait(), PATIENCE)
        await delivering.deliver()
        after, attempts, sent = await delivering.subscription(), await delivering.attempted(), len(seen.sent)

        frost.goes_on.set()
        assert await earlier == Delivered()

        assert len(seen.sent) - sent <= begun
        assert seen.repeated <= AT_ONCE
        assert set(seen.sent) == set(delivering.told)
        assert await delivering.subscription() == after
        assert await delivering.attempted() == attempts
