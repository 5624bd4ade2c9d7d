"""One stage of a roll-out: finishes the orders of the stage before, starts others, and reads every list meanwhile."""

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
"""What managers and operators read all the time."""
_SIEGE_SECONDS, _SIEGE_CLIENTS = 60, 10


@dataclass
class Seen:
    """What was observed in all stages."""

    rows: list[Row] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    """Unexpected answers."""
    answers: Counter[int] = field(default_factory=Counter)
    """Of all APIs, by status."""
    failed: Counter[str] = field(default_factory=Counter)
    """Failed workflow tasks."""
    left: set[str] = field(default_factory=set)
    """Statuses and newest events of the orders that the previous release left for the upgrade in place."""
    ends: Counter[str] = field(default_factory=Counter)
    """How many orders ended in each status; `otherwise`: not in the one that they should have."""

    @property
    def faults(self) -> int:
        """Answers 500 and the like; 503 is not one of them."""
        of = (count for status, count in self.answers.items() if status in _FAULTS and status not in _MAY_BE)
        return sum(of)


@dataclass(frozen=True)
class Doors:
    """The APIs that run in a stage."""

    used: People
    """Used by customers and engineers."""
    others: Sequence[People] = ()

    @property
    def all(self) -> Sequence[People]:
        """All APIs, which managers read from."""
        return (self.used, *self.others)


@dataclass
class Stage:
    """Work that is done between two changes of the processes."""

    name: str
    api: str
    workers: str
    ending: Sequence[Journey] = ()
    """Orders that the stage before has left."""
    beginning: Sequence[Journey] = ()
    sieged: bool = False

    async def go_through(self, doors: Doors, seen: Seen) -> None:
        """Do the work of the stage, and read from every API meanwhile."""
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
        """Erase a customer whose order is complete: that involves the workers and every store."""
        done = [journey for journey in self.ending if journey.ends is COMPLETED and not journey.surprises]
        if not done:
            return
        await done[0].wait_for_status(door, COMPLETED)
        status = await insist(partial(door.erase, done[0].customer), within=done[0].within)
        if status not in (HTTPStatus.OK, HTTPStatus.ACCEPTED):
            seen.surprises.append(f"{self.name}: erasing a customer was answered with {status}")


async def note_answers(seen: Seen, *urls: str) -> None:
    """Add the answers of APIs; to be called before they stop."""
    for url in urls:
        seen.answers += await answers(url)


async def note_failures(seen: Seen, workers: Mapping[str, str]) -> None:
    """Add the nondeterminism errors of workers, given by name and address; to be called before they stop."""
    for name, url in workers.items():
        if count := await mismatches(url):
            seen.failed[f"{name} has found histories that do not fit its code"] += count


async def _watch(door: People, over: asyncio.Event, seen: Seen) -> int:
    """Read everything in a loop. Returns the number of requests."""
    looks = 0
    while not over.is_set():
        for path in _LOOKS:
            looks += 1
            with suppress(httpx2.TransportError):
                status = (await door.api.get(path)).status_code
                if status not in _MAY_BE:
                    seen.surprises.append(f"GET {path}: {status}")
        with suppress(TimeoutError):
            async with asyncio.timeout(_BETWEEN_LOOKS):
                await over.wait()
    return looks


async def _listen(door: People, over: asyncio.Event, seen: Seen) -> int:
    """Follow the event stream. Returns the number of its events."""
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
