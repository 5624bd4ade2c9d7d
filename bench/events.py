"""Orders with five subscriptions to their events, one of them dead and one slow, compared with none, in turns.

The subscriptions get each event by itself, and then batches. It is one service, whose subscriptions are paused while it
works without them. Further rows tell what an order costs, how long its events take, and how fast a consumer catches up
that was away.
"""

import statistics
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from time import perf_counter

from bench import cost, machine, read_model, relaying
from bench.completing import IN_MOTION
from bench.consumers import Consumer, consumer
from bench.load import Load, RequestFeed, Window, joined
from bench.orders import OverHttp
from bench.report import Aim, Cell, Measurement, Row, percentile
from bench.subscribing import Subscriptions
from harness import stack, staff
from harness.http_client import connections
from harness.stack import Stack
from harness.waiting import soon
from stores.order_status.view import OrderStatusStore

_PROCESSES = ("temporal", "worker", "api")
_BATCH = 50
"""Events in a request, at most, where there may be more than one."""
_HEALTHY = 3
_SLOW = 1.0
"""Seconds that the slow consumer takes for each answer."""
_LAST = "orders.JoinCompleted"
"""Type of the last event of an order that is carried through."""
_ABSENT_ANSWERS_AFTER, _ABSENT_AT_ONCE = 0.02, 16
"""Seconds that the consumer takes that was away, and the requests that it takes at once."""
_CATCHES_UP_WITHIN = 1200.0
"""Seconds. A busy machine may take long."""
_EVENTS_OF_ONE = 4
"""Events of an order with which the view is filled."""
_AT_LEAST = 0.95
_CATCH_UP_AT_LEAST = {1: 300.0, _BATCH: 1000.0}
"""Events a second, by the events in a request."""
_DELAYS = {"p50": (0.5, 1.5), "p95": (0.95, 3.0)}
"""Percentiles of the delay, and the longest that is aimed at, in seconds."""
_RELAY_AT_MOST = 2.5
_COUNTED = ("activities", "workflow tasks", "events", "actions")


@dataclass(frozen=True)
class _Size:
    """How much is measured."""

    pairs: int = 10
    in_motion: int = IN_MOTION
    waves: int = 2
    """Waves of orders in each window."""
    costed: int = 50
    """Orders whose cost is counted."""
    missed: int = 20_000
    """Events for which one consumer is away."""
    engineers: int = staff.ENGINEERS


_QUICK = _Size(pairs=1, in_motion=5, waves=1, costed=3, missed=40, engineers=20)


@dataclass
class _Side:
    """What was measured of orders with the subscriptions, or without."""

    name: str
    batch: int = 0
    """Events in a request, at most. 0: the subscriptions are paused."""
    windows: list[Window] = field(default_factory=list)
    cost: Row = field(default_factory=dict)
    delays: list[float] = field(default_factory=list)
    """Seconds from each event to the answer of each healthy consumer."""
    relayed: list[float] = field(default_factory=list)
    """Activities of the relay in a second, of each window."""
    caught_up: float = 0.0
    """Events a second to a consumer that was away."""
    caught_up_cost: float = 0.0
    """What one of them costs the worker, in milliseconds of CPU."""


@dataclass
class _Service:
    """The service and the subscriptions."""

    size: _Size
    running: Stack
    feed: RequestFeed
    http: OverHttp
    subscriptions: Subscriptions
    healthy: Sequence[Consumer]

    async def measure(self, side: _Side) -> None:
        """Carry orders through for a while, over HTTP. Measures the delays of their events."""
        async with self._subscribed(side) as since:
            first, began = await relaying.activities(self.running), perf_counter()
            window = await self._load().window(self.running, _PROCESSES, waves=self.size.waves)
            side.windows.append(window)
            side.relayed.append((await relaying.activities(self.running) - first) / (perf_counter() - began))
            if side.batch:
                await self._told(window.orders)
                for each in self.healthy:
                    side.delays += [event.delay for event in each.received if event.happened_at >= since]

    async def count(self, side: _Side) -> None:
        """Count what an order costs."""
        async with self._subscribed(side):
            orders, side.cost = await self.cost(self.size.costed)
            if side.batch:
                await self._told(orders)

    async def cost(self, count: int) -> tuple[Sequence[str], Row]:
        """Carry some orders through over HTTP. Returns them, and the cost of one."""
        return await cost.of_orders(self.running, self._load(), count, 0)

    def _load(self) -> Load:
        return Load(self.running.client, OverHttp(list(self.http.idle)), self.feed, self.size.in_motion)

    @asynccontextmanager
    async def _subscribed(self, side: _Side) -> AsyncIterator[datetime]:
        """Let the subscriptions count for a while: from now on, which is yielded."""
        for each in self.healthy:
            each.received.clear()
        if side.batch:
            await self.subscriptions.change(batch=side.batch)
            await self.subscriptions.resume("end")
        yield datetime.now(UTC)
        if side.batch:
            await self.subscriptions.pause()

    async def _told(self, orders: Sequence[str]) -> None:
        """Wait until every healthy consumer has the last event of each of these orders.

        Raises:
            RuntimeError: an event of an order is missing, or has come before an earlier one.
        """
        for each in self.healthy:

            async def complete(each: Consumer = each) -> bool:
                return {event.order_id for event in each.received if event.type == _LAST}.issuperset(orders)

            await soon(complete, every=0.1, what="all events of the orders")
            check(each, orders)


def check(of: Consumer, orders: Sequence[str]) -> None:
    """Check that each event of each of these orders has come, in order. An event may have come more than once.

    Raises:
        RuntimeError: it is not so.
    """
    positions: dict[str, list[int]] = {order_id: [] for order_id in orders}
    for event in of.received:
        if event.order_id in positions and event.position not in positions[event.order_id]:
            positions[event.order_id].append(event.position)
    wrong = [order_id for order_id, found in positions.items() if found != [*range(len(found))] or not found]
    if wrong:
        raise RuntimeError(f"the events of {len(wrong)} of {len(orders)} orders have not come in order")


async def measure(*, quick: bool) -> Measurement:
    """Measure all sides in turns, then the cost of an order, then the catching up."""
    size = _QUICK if quick else _Size()
    none = _Side("no subscription")
    five = [_Side("five subscriptions", 1), _Side(f"five, {_BATCH} events in a request", _BATCH)]
    sides = [none, *five]
    async with AsyncExitStack() as things:
        service, store = await _opened(things, size)
        # The first orders are not measured: they load and compile code, and fill caches.
        await service.cost(size.in_motion)
        for number in range(size.pairs):
            for side in sides if number % 2 == 0 else sides[::-1]:
                await service.measure(side)
        for side in sides:
            await service.count(side)
        await service.subscriptions.delete()
        await _catch_up(service, store, five)
    return _compared(none, five, size)


async def _opened(things: AsyncExitStack, size: _Size) -> tuple[_Service, OrderStatusStore]:
    """Start the service, make the subscriptions, and pause them."""
    # The orders of the catching up have no workflows, which a reconciliation would notice.
    environment = {"RECONCILE_EVERY": "0"}
    parts = ("temporal", "migration", "worker", "api")
    running = await things.enter_async_context(stack.running(*parts, environment=environment, engineers=size.engineers))
    store = await things.enter_async_context(read_model.opened(running.settings))
    http = OverHttp(list(await things.enter_async_context(connections(running.api, size.in_motion))))
    healthy = [await things.enter_async_context(consumer()) for _ in range(_HEALTHY)]
    slow, dead = [await things.enter_async_context(consumer(seconds)) for seconds in (_SLOW, 0.0)]
    subscriptions = Subscriptions(http)
    for number, each in enumerate((*healthy, slow, dead)):
        await subscriptions.add(f"consumer {number}", each)
    dead.die()
    await subscriptions.pause()
    feed = RequestFeed(read_model.Requests(store).look)
    return _Service(size, running, feed, http, subscriptions, healthy), store


async def _catch_up(service: _Service, store: OrderStatusStore, sides: Sequence[_Side]) -> None:
    """Measure how many events a second a consumer is sent after it was away for many, and what one costs the worker.

    Raises:
        RuntimeError: not all events have come, in order.
    """
    count, worker = service.size.missed, service.running.pids("worker")
    async with consumer(_ABSENT_ANSWERS_AFTER) as away:
        subscriptions = Subscriptions(service.http)
        await subscriptions.add("away", away, atOnce=_ABSENT_AT_ONCE)
        await subscriptions.pause()
        start = await subscriptions.delivered()
        orders = await read_model.fill(store, count // _EVENTS_OF_ONE)
        wanted = set(orders)

        async def logged() -> bool:
            return await subscriptions.behind() >= count

        async def caught_up() -> bool:
            return len({event.event_id for event in away.received if event.order_id in wanted}) >= count

        await soon(logged, within=_CATCHES_UP_WITHIN, every=0.1, what="all events in the log")
        for side in sides:
            away.received.clear()
            await subscriptions.change(batch=side.batch)
            used, began = machine.cpu_seconds(worker), datetime.now(UTC)
            await subscriptions.resume(start)
            await soon(caught_up, within=_CATCHES_UP_WITHIN, every=0.1, what="all events at the consumer")
            used, took = machine.cpu_seconds(worker) - used, away.received[-1].accepted_at - began
            await subscriptions.pause()
            check(away, orders)
            side.caught_up, side.caught_up_cost = count / took.total_seconds(), 1000 * used / count


def _compared(none: _Side, five: Sequence[_Side], size: _Size) -> Measurement:
    found = Measurement(
        f"{size.in_motion} orders in motion with five subscriptions, one dead and one slow, and with none"
    )

    def row(what: str, measured: Callable[[_Side], Cell], *, without: bool = True) -> None:
        cells = {side.name: measured(side) for side in five}
        found.rows.append({"what": what, none.name: measured(none) if without else "–", **cells})

    row("completed orders/s", lambda side: joined(side.windows).rate)
    for process in _PROCESSES:
        row(f"{process} CPU ms an order", partial(_cpu_of_one, process=process))
    for what in _COUNTED:
        row(f"{what} of an order", partial(_counted, what=what))
    row("activities of the relay/s", lambda side: statistics.mean(side.relayed), without=False)
    for name, (share, _) in _DELAYS.items():
        row(f"delay of an event, {name} s", partial(_delay, share=share), without=False)
    row("events/s to one that catches up", lambda side: side.caught_up, without=False)
    row("worker CPU ms for each of them", lambda side: side.caught_up_cost, without=False)
    for side in five:
        found.aims += _aims(side, none)
    return found


def _cpu_of_one(side: _Side, process: str) -> float:
    """Return what an order has cost a kind of process, in milliseconds."""
    return 1000 * joined(side.windows).cpu_of_one(process)


def _counted(side: _Side, what: str) -> Cell:
    return side.cost[what]


def _delay(side: _Side, share: float) -> float:
    return percentile(side.delays, share)


def _aims(side: _Side, none: _Side) -> Sequence[Aim]:
    ratios = [ours.rate / bare.rate for ours, bare in zip(side.windows, none.windows, strict=True)]
    listed = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    share = f"share of the completed orders/s with no subscription, median of {len(ratios)} pairs ({listed})"
    aims = [
        Aim(share, statistics.median(ratios), _AT_LEAST, at_least=True),
        *(Aim(f"{what} of an order", float(side.cost[what]), cost.LIMITS[what]) for what in _COUNTED),
        Aim("activities of the relay in a second", statistics.mean(side.relayed), _RELAY_AT_MOST),
        *(
            Aim(f"delay of an event, {name}, seconds", percentile(side.delays, of_all), bound)
            for name, (of_all, bound) in _DELAYS.items()
        ),
        Aim("events a second to one that catches up", side.caught_up, _CATCH_UP_AT_LEAST[side.batch], at_least=True),
    ]
    return [replace(aim, text=f"{side.name}: {aim.text}") for aim in aims]
