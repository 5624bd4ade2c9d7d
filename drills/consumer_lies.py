"""Drill: one of three consumers of events is hostile. The others and the orders notice nothing, and it gets its events.

It answers with errors, redirects, no HTTP, half an answer, without end, byte by byte, or not at all, and it refuses one
order for as long as it lies.
"""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from random import Random
from time import time

from drills.accounts import Document
from drills.consumers import Subscriber, consumers, subscribed
from drills.crowd import Crowd
from drills.deliveries import account, histories, p95_delay
from drills.drill import Drill, Options
from drills.people import People, order, people
from harness.ledger import Manners
from harness.lies import LIES, SHORT
from harness.ports import free_port
from harness.stack import Stack, running
from harness.waiting import NotInTime, last_look
from supervisor.process import answers

FAULTS = {
    "unordered": "events of an order are sent without waiting for one another",
    "paused": "the subscription of the hostile consumer is paused, so it has nobody to lie to",
}
_PARTS = ("temporal", "migration", "api")
_LOOPBACK = {"EVENT_TARGET_NETWORKS": "127.0.0.0/8"}
_SETTLED_WITHIN = 300.0
_PATIENCE_WITH_A_FAULT = 10.0
_LATER = 1.5
"""Largest ratio of the other consumers' delays to those before."""


@dataclass(frozen=True)
class Seen:
    """What happened while a consumer lied."""

    before: float | None
    """95th percentile of the delays of the other consumers before, in seconds."""
    meanwhile: float | None
    lies: int
    """Requests that it has answered with a lie."""
    kinds: int
    """Lies that it knows, and tells one after the other."""
    lagging: Sequence[str]
    """Names of the other consumers that did not have every event in time."""
    behind: int
    """Events of other orders that it has not confirmed, although each was sent again."""
    held: Document
    """The orders that the service holds for it."""
    refused: str
    """Id of the order that it refuses."""


async def run(options: Options) -> Drill:
    """Have a consumer lie under load, and then be honest."""
    drill = Drill("One of three consumers of events is hostile")
    async with (
        running(*_PARTS, engineers=options.engineers) as stack,
        people(stack.url) as everybody,
        consumers(stack, everybody.api, "liar") as [liar],
    ):
        await _start_worker(stack, unordered=options.plant == "unordered")
        async with subscribed(stack, everybody.api, "billing", "crm") as others:
            await order(everybody, ["refused"])
            refused = everybody.accounts.by_key["refused"]
            liar.ledger.manners = _manners(refused, quick=options.quick)
            seen = await _lie(drill, liar, others, everybody, options)
            judge(drill, seen, enough=not options.quick)
            # The service sends the refused event again by itself.
            liar.ledger.manners = Manners()
            await everybody.accounts.settle(everybody.api, drill, within=_SETTLED_WITHIN)
            within = _PATIENCE_WITH_A_FAULT if options.plant else _SETTLED_WITHIN
            await account(drill, (*others, liar), within=within)
            astray = [*chain(*(each.ledger.astray() for each in (*others, liar)))]
            drill.check(f"{len(astray)} requests went where a redirect led", not astray)
    return drill


def judge(drill: Drill, seen: Seen, *, enough: bool) -> None:
    """Check that nobody else noticed the lies.

    Args:
        drill: Drill that gets the row and the checks.
        seen: Observations.
        enough: Whether it lasted long enough to compare delays.
    """
    drill.rows.append({"lies": seen.lies, "delay before, p95 s": seen.before, "meanwhile": seen.meanwhile})
    drill.check(f"it lied {seen.lies} times; it knows {seen.kinds} lies", 0 < seen.kinds <= seen.lies)
    drill.check(f"of the others, {', '.join(seen.lagging) or 'none'} lagged behind", not seen.lagging)
    drill.check(f"it was sent all but {seen.behind} events of other orders until it confirmed them", not seen.behind)
    oldest = seen.held.get("oldest") or {}
    drill.check(
        f"{seen.held.get('orders')} order is held, the one that it refuses",
        seen.held.get("orders") == 1 and oldest.get("orderId") == seen.refused,
    )
    if enough:
        times = (seen.meanwhile or 0) / seen.before if seen.before else 0
        drill.check(f"the others' delay was {times:.2f} times that before", 0 < times <= _LATER)


async def _lie(
    drill: Drill, liar: Subscriber, others: Sequence[Subscriber], everybody: People, options: Options
) -> Seen:
    seconds = 60 * options.minutes if options.minutes else (2.0 if options.quick else 180.0)
    dice = Random(options.seed)  # noqa: S311 - chance, not a secret
    crowd = Crowd([everybody], dice, 0.1 if options.quick else 1.0)
    within = _PATIENCE_WITH_A_FAULT if options.plant else _SETTLED_WITHIN
    kinds = len(liar.ledger.manners.lies)
    began = time()
    async with crowd.at_work(3 if options.quick else 10, drill):
        await asyncio.sleep(seconds / 3)
        joined, port = time(), free_port()
        await liar.run(port)
        await liar.subscribe(port)
        if options.plant == "paused":
            await liar.pause()
        await asyncio.sleep(seconds)
        await last_look(lambda: _has_lied(liar), within=within)
        liar.ledger.manners = replace(liar.ledger.manners, lies=())
    left = time()
    told = await histories(everybody.api)
    events = {each for history in told.values() for each in history}
    lagging = [each.name for each in others if await each.handles(events) is None]
    possible = events.difference(told[liar.ledger.manners.refuses])
    await liar.handles(possible, within=within)
    with suppress(NotInTime):
        # An order is held for a moment after its event was confirmed.
        await liar.until(lambda view: view["held"]["orders"] == 1, "one order is held", within=within)
    requests = [*chain(*(each.ledger.requests() for each in others))]
    return Seen(
        before=p95_delay(requests, began, joined),
        meanwhile=p95_delay(requests, joined, left),
        lies=_lies(liar),
        kinds=kinds,
        lagging=lagging,
        behind=len(possible - liar.ledger.handled()),
        held=(await last_look(liar.view)).get("held", {}),
        refused=liar.ledger.manners.refuses,
    )


def _lies(liar: Subscriber) -> int:
    """Count its lies that have come to an end."""
    return sum(request.status is None and request.ended is not None for request in liar.ledger.requests())


async def _has_lied(liar: Subscriber) -> bool:
    return _lies(liar) >= len(liar.ledger.manners.lies)


def _manners(refused: str, *, quick: bool) -> Manners:
    return Manners(tuple(SHORT), 2, refused) if quick else Manners(tuple(LIES), 100, refused)


async def _start_worker(stack: Stack, *, unordered: bool) -> None:
    if not unordered:
        await stack.add_worker("worker-0")
        return
    port = free_port()
    command = (sys.executable, "-m", "drills.unordered")
    ready = f"http://{stack.settings.worker_host}:{port}/health/ready"
    await stack.add_program("worker-0", command, lambda: answers(ready), WORKER_PORT=str(port), **_LOOPBACK)
