"""A stage of a roll-out, before an API that answers everything."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx2
import pytest

from drills import rollout
from drills.journeys import Journey
from drills.people import People
from drills.rollout import Doors, Seen, Stage
from tests.eventually import PATIENCE

LAST_LOOK = "/openapi.json"


@dataclass
class Waiting(Journey):
    """An order that is placed after managers have looked at everything."""

    looked: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self, people: People) -> None:
        await self.looked.wait()


async def stream() -> AsyncIterator[bytes]:
    yield b"data: {}\n\n"
    await asyncio.Event().wait()


async def test_a_stage_ends_with_its_work_and_waits_for_no_pause_of_managers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout, "_BETWEEN_LOOKS", 10 * PATIENCE)
    order, seen = Waiting("order", ("complete",), 0), Seen()

    async def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/orderStatuses/events":
            return httpx2.Response(200, content=stream())
        if request.url.path == LAST_LOOK:
            order.looked.set()
        return httpx2.Response(200)

    async with httpx2.AsyncClient(base_url="http://api", transport=httpx2.MockTransport(answer)) as api:
        async with asyncio.timeout(PATIENCE):
            await Stage("stage", "now", "now", beginning=[order]).go_through(Doors(People(api)), seen)

    assert seen.surprises == []
    assert [row["events"] for row in seen.rows] == [1]
