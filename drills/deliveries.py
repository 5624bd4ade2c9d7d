"""What consumers of events were sent, compared with the histories of all orders."""

import asyncio
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain, pairwise

import httpx2

from domain.order_events import event_id
from domain.orders import Event, HistoryEntry
from drills.accounts import Document
from drills.consumers import AT_ONCE, Subscriber
from drills.drill import Drill
from drills.lists import items
from harness.asking import document
from harness.ledger import Request
from harness.waiting import PATIENCE

Histories = Mapping[str, Sequence[str]]
"""Ids of the events of each order, in the order of its history."""
_READ_AT_ONCE = 16
_VIEW_WITHIN = 5.0


async def histories(api: httpx2.AsyncClient) -> Histories:
    """Return the histories of all orders, from the managers' view.

    Raises:
        HTTPStatusError, NotInTime: the view does not answer.
    """
    turns = asyncio.Semaphore(_READ_AT_ONCE)

    async def history(order_id: str) -> Sequence[str]:
        async with turns:
            row = await document(api, f"/orderStatuses/{order_id}")
        return [event_id(order_id, position, _entry(entry)) for position, entry in enumerate(row["history"])]

    order_ids = [row["orderId"] async for row in items(api, "/orderStatuses")]
    return dict(zip(order_ids, await asyncio.gather(*map(history, order_ids)), strict=True))


async def account(
    drill: Drill,
    subscribers: Iterable[Subscriber],
    *,
    within: float = PATIENCE,
    again: int | None = AT_ONCE,
    one_at_a_time: bool = True,
    restored: bool = False,
) -> None:
    """Wait until consumers have every event of every order, and add checks to the drill. Nobody uses the service now.

    Args:
        drill: Drill that gets the checks.
        subscribers: The consumers.
        within: Seconds to wait for each.
        again, one_at_a_time, restored: As in `judge`.
    """
    for each in subscribers:
        told, requests = await _told_and_sent(each, within)
        if not restored and _strange(requests, told):
            # An entry that does not change the status may be in the view a moment later, and is sent after that.
            await asyncio.sleep(_VIEW_WITHIN)
            told, requests = await _told_and_sent(each, within)
        judge(drill, each.name, requests, told, again=again, one_at_a_time=one_at_a_time, restored=restored)


def judge(
    drill: Drill,
    name: str,
    requests: Sequence[Request],
    told: Histories,
    *,
    again: int | None = AT_ONCE,
    one_at_a_time: bool = True,
    restored: bool = False,
) -> None:
    """Check that a consumer has confirmed each event of all histories, in their order, and was sent nothing else.

    Args:
        drill: Drill that gets the checks.
        name: The consumer.
        requests: All requests that it got.
        told: The histories.
        again: How often events may have come that it had confirmed. `None`: any number, because workers were killed.
        one_at_a_time: Whether no two requests of an order may have been under way at once. A worker that is killed or
            cut off from Temporal may still be sending when another one goes on.
        restored: Whether the service was restored meanwhile. It may have forgotten events then, and numbers.
    """
    events = {each for history in told.values() for each in history}
    handled = Counter(request.event_id for request in requests if request.handled)
    has = len(events & handled.keys())
    drill.check(f"{name} has {has} of {len(events)} events of {len(told)} orders", 0 < has == len(events))
    confused = sum(order != told[order_id][: len(order)] for order_id, order in first_handled(requests, told).items())
    drill.check(f"{name}: {confused} orders were told out of order", not confused)
    if not restored:
        strange = len(_strange(requests, told))
        drill.check(f"{name}: {strange} events are of no history", not strange)
        numbers = {(request.event_id, request.sequence) for request in requests}
        twice = len(numbers) - len({request.event_id for request in requests})
        drill.check(f"{name}: {twice} events came with another number", not twice)
    if one_at_a_time:
        met = together(requests)
        drill.check(f"{name}: {met} requests began while another of their order was under way", not met)
    if again is not None:
        repeated = handled.total() - len(handled)
        drill.check(f"{name}: {repeated} confirmed events came again; {again} may", repeated <= again)


def first_handled(requests: Iterable[Request], told: Histories) -> Mapping[str, list[str]]:
    """Return the events of the histories that were confirmed, by order, as they were confirmed for the first time."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for request in requests:
        if request.handled and request.event_id in told.get(request.order_id, ()):
            found[request.order_id][request.event_id] = None
    return {order_id: list(events) for order_id, events in found.items()}


def together(requests: Iterable[Request]) -> int:
    """Count the events that came before the request with the one before them of the same order had ended.

    Events of one request come together, in their order.
    """
    by_order: dict[str, list[Request]] = defaultdict(list)
    for request in requests:
        by_order[request.order_id].append(request)
    pairs = chain(*(pairwise(each) for each in by_order.values()))
    return sum(
        before.ended is not None and after.began < before.ended and after.request_id != before.request_id
        for before, after in pairs
    )


def batches(requests: Iterable[Request]) -> int:
    """Count the requests that had more than one event."""
    return sum(events > 1 for events in Counter(request.request_id for request in requests).values())


def p95_delay(requests: Iterable[Request], since: float, until: float) -> float | None:
    """Return the 95th percentile of the delays of events that happened in a span, in seconds; `None`: too few."""
    first = {request.event_id: request.delay for request in reversed([*requests]) if since <= request.happened < until}
    return statistics.quantiles(first.values(), n=20)[-1] if len(first) > 1 else None


async def _told_and_sent(each: Subscriber, within: float) -> tuple[Histories, Sequence[Request]]:
    """Return the histories of all orders, and what a consumer was sent until it has them, or the time is over."""
    told = await histories(each.api)
    await each.handles([*chain(*told.values())], within=within)
    return told, each.ledger.requests()


def _strange(requests: Iterable[Request], told: Histories) -> set[str]:
    """Return the events that are of no history."""
    return {request.event_id for request in requests} - {each for history in told.values() for each in history}


def _entry(entry: Document) -> HistoryEntry:
    return HistoryEntry(Event(entry["event"]), datetime.fromisoformat(entry["at"]), entry["by"])
