"""A stage of a roll-out: orders of the stage before go to their end, others are left on their way, managers look on."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from time import perf_counter

import httpx2

from drills.drill import Row
from drills.journeys import COMPLETED, Journey, surprises
from drills.noticed import answers, mismatches
from drills.people import People, insist
from harness.siege import besiege

_AT_ONCE = 12
_BETWEEN_LOOKS = 2.0
_FAULTS = range(500, 600)
_MAY_BE = (HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE)
_LOOKS = (
    "/orderStatuses",
    "/orderStatuses?limit=200&sort=-updatedAt",
    "/orderStatuses?status=INSTALLATION_REQUESTED&status=AWAITING_RESCHEDULE",
    "/orderStatuses?attention=true&sort=attentionSince",
    "/orderStatuses/summary",
    "/installations?limit=200",
    "/installations?status=REQUESTED",
    "/managementCenters/engineers?limit=200",
    "/managementCenters/serviceAreas",
    "/managementCenters/products",
    "/managementCenters/daysOff",
    "/managementCenters/slots?address=Seoul",
    "/audit?limit=200",
    "/health/ready",
    "/openapi.json",
)
"""What managers and operators look at all the time."""
_SIEGE_SECONDS, _SIEGE_CLIENTS = 60, 10


@dataclass
class Seen:
    """What people, and who watches over the service, have seen in all stages."""

    rows: list[Row] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    """Answers that should have been others."""
    answers: Counter[int] = field(default_factory=Counter)
    """Of all APIs, by status."""
    failed: Counter[str] = field(default_factory=Counter)
    """Workflow tasks."""
    left: set[str] = field(default_factory=set)
    """What the orders were that the release before has left in the same place: statuses, and events since."""
    ends: Counter[str] = field(default_factory=Counter)
    """What has become of the orders; `other` than it should have been."""

    @property
    def faults(self) -> int:
        """Answers that say that the API has a fault."""
        of = (count for status, count in self.answers.items() if status in _FAULTS and status not in _MAY_BE)
        return sum(of)


@dataclass(frozen=True)
class Doors:
    """The APIs that are there in a stage; the first is what customers and engineers use."""

    used: People
    others: Sequence[People] = ()

    @property
    def all(self) -> Sequence[People]:
        """All of them, which managers look at."""
        return (self.used, *self.others)


@dataclass
class Stage:
    """What is done between two changes of the processes."""

    name: str
    api: str
    workers: str
    ending: Sequence[Journey] = ()
    """Left by the stage before."""
    beginning: Sequence[Journey] = ()
    sieged: bool = False

    async def go_through(self, doors: Doors, seen: Seen) -> None:
        """Do all of it; managers look at every API meanwhile."""
        began, over = perf_counter(), asyncio.Event()
        watching = [asyncio.create_task(_watch(door, over, seen)) for door in doors.all]
        listening = [asyncio.create_task(_listen(door, over, seen)) for door in doors.all]
        turns = asyncio.Semaphore(_AT_ONCE)

        async def travel(journey: Journey, *, to_its_end: bool) -> None:
            async with turns:
                await (journey.go_on if to_its_end else journey.begin)(doors.used)

        async with asyncio.TaskGroup() as work:
            for journey in self.ending:
                work.create_task(travel(journey, to_its_end=True))
            for journey in self.beginning:
                work.create_task(travel(journey, to_its_end=False))
            if self.sieged:
                work.create_task(_besiege(doors, seen))
        await self._erase(doors.used, seen)
        over.set()
        looks = sum(await asyncio.gather(*watching))
        heard = sum(await asyncio.gather(*listening))
        if not heard:
            seen.surprises.append(f"{self.name}: the event stream has told nothing")
        seen.surprises += surprises((*self.ending, *self.beginning))
        seen.rows.append(
            {
                "stage": self.name,
                "API": self.api,
                "workers": self.workers,
                "orders taken on to their end": len(self.ending),
                "orders left on their way": len(self.beginning),
                "managers' looks": looks,
                "events": heard,
                "s": perf_counter() - began,
            }
        )

    async def _erase(self, door: People, seen: Seen) -> None:
        """A customer whose order is complete is erased, which workers and all stores take part in."""
        done = [journey for journey in self.ending if journey.ends is COMPLETED and not journey.surprises]
        if not done:
            return
        await done[0].stands(door, COMPLETED)
        status = await insist(partial(door.erase, done[0].customer), within=done[0].within)
        if status not in (HTTPStatus.OK, HTTPStatus.ACCEPTED):
            seen.surprises.append(f"{self.name}: erasing a customer was answered with {status}")


async def note_answers(seen: Seen, *urls: str) -> None:
    """Before an API ends: what it has answered."""
    for url in urls:
        seen.answers += await answers(url)


async def note_failures(seen: Seen, workers: Mapping[str, str]) -> None:
    """Before workers end, each by its name and address: whether they have failed."""
    for name, url in workers.items():
        if count := await mismatches(url):
            seen.failed[f"{name} has found histories that do not fit its code"] += count


async def _watch(door: People, over: asyncio.Event, seen: Seen) -> int:
    """Look at everything, again and again; returns how often."""
    looks = 0
    while not over.is_set():
        for path in _LOOKS:
            looks += 1
            with suppress(httpx2.TransportError):
                status = (await door.api.get(path)).status_code
                if status not in _MAY_BE:
                    seen.surprises.append(f"GET {path}: {status}")
        await asyncio.sleep(_BETWEEN_LOOKS)
    return looks


async def _listen(door: People, over: asyncio.Event, seen: Seen) -> int:
    """Follow the event stream; returns how many versions of orders it has told."""
    heard = 0

    async def follow() -> None:
        nonlocal heard
        async with door.api.stream("GET", "/orderStatuses/events", timeout=None) as stream:
            stream.raise_for_status()
            async for line in stream.aiter_lines():
                heard += line.startswith("data:")

    following = asyncio.create_task(follow())
    ended = asyncio.create_task(over.wait())
    await asyncio.wait((following, ended), return_when=asyncio.FIRST_COMPLETED)
    ended.cancel()
    if following.done():
        seen.surprises.append(f"the event stream has ended: {following.exception()!r}")
    following.cancel()
    return heard


async def _besiege(doors: Doors, seen: Seen) -> None:
    urls = [f"{door.api.base_url}".rstrip("/") + path for door in doors.all for path in ("/orderStatuses", _LOOKS[4])]
    result = await besiege(*urls, clients=_SIEGE_CLIENTS, seconds=_SIEGE_SECONDS)
    if result.failed or not result.succeeded:
        seen.surprises.append(f"{result.failed} of {result.failed + result.succeeded} requests of siege failed")
