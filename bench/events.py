"""Orders with five subscriptions to their events, one of them dead and one slow, compared with none, in turns.

Both sides are one service, whose subscriptions are paused while it works without them. Further rows tell what an order
costs, how long its events take, and how fast a consumer catches up that was away.
"""

import statistics
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter

from bench import cost, machine, read_model, relaying
from bench.completing import IN_MOTION
from bench.consumers import Consumer, consumer
from bench.load import Load, RequestFeed, Window, joined
from bench.orders import ByClient, OverHttp
from bench.report import Aim, Cell, Measurement, Row, percentile
from bench.subscribing import Subscriptions
from harness import stack, staff
from harness.http_client import connections
from harness.stack import Stack
from harness.waiting import soon
from stores.order_status.view import OrderStatusStore

_PROCESSES = ("temporal", "worker", "api")
_NONE, _FIVE = "no subscription", "five subscriptions"
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
_AT_LEAST, _CATCH_UP_AT_LEAST = 0.95, 300.0
_DELAYS = {"p50": (0.5, 1.5), "p95": (0.95, 3.0)}
"""Percentiles of the delay, and the longest that is aimed at, in seconds."""
_RELAY_AT_MOST = 2.5
_COUNTED = ("activities", "workflow tasks", "events", "actions")


@dataclass(frozen=True)
class _Size:
    """How much is measured."""

    pairs: int = 10
    in_motion: int = IN_MOTION
    warm: float = 2.0
    """Seconds before each window."""
    seconds: float = 4.0
    """Seconds of each window."""
    costed: int = 50
    """Orders whose cost is counted."""
    missed: int = 20_000
    """Events for which one consumer is away."""
    engineers: int = staff.ENGINEERS


_QUICK = _Size(pairs=1, in_motion=5, warm=0.5, seconds=1.0, costed=3, missed=40, engineers=20)


@dataclass
class _Side:
    """Orders with the subscriptions, or without."""

    windows: list[Window] = field(default_factory=list)
    cost: Row = field(default_factory=dict)


@dataclass
class _Service:
    """The service, the subscriptions, and what was measured of their events."""

    size: _Size
    running: Stack
    feed: RequestFeed
    http: OverHttp
    subscriptions: Subscriptions
    healthy: Sequence[Consumer]
    delays: list[float] = field(default_factory=list)
    """Seconds from each event to the answer of each healthy consumer."""
    relayed: list[float] = field(default_factory=list)
    """Activities of the relay in a second, of each window with subscriptions."""

    async def window(self) -> Window:
        """Carry orders through for some seconds, by Temporal's client."""
        load = Load(self.running.client, ByClient(self.running.client), self.feed, self.size.in_motion)
        return await load.window(self.running, _PROCESSES, warm=self.size.warm, seconds=self.size.seconds)

    async def subscribed_window(self) -> Window:
        """Do so with the subscriptions, and measure the delays."""
        async with self.subscribed() as since:
            first, began = await relaying.activities(self.running), perf_counter()
            window = await self.window()
            self.relayed.append((await relaying.activities(self.running) - first) / (perf_counter() - began))
            await self.told(window.orders)
        for each in self.healthy:
            self.delays += [event.delay for event in each.received if event.happened_at >= since]
        return window

    async def cost(self, count: int) -> tuple[Sequence[str], Row]:
        """Carry some orders through over HTTP. Returns them, and the cost of one."""
        load = Load(self.running.client, OverHttp(list(self.http.idle)), self.feed, self.size.in_motion)
        return await cost.of_orders(self.running, load, count, 0)

    @asynccontextmanager
    async def subscribed(self) -> AsyncIterator[datetime]:
        """Let the subscriptions count for a while: from now on, which is yielded."""
        for each in self.healthy:
            each.received.clear()
        await self.subscriptions.resume("end")
        yield datetime.now(UTC)
        await self.subscriptions.pause()

    async def told(self, orders: Sequence[str]) -> None:
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
    """Measure both sides in turns, then the cost of an order, then the catching up."""
    size = _QUICK if quick else _Size()
    none, five = _Side(), _Side()
    async with AsyncExitStack() as things:
        service, store = await _opened(things, size)
        # The first orders are not measured: they load and compile code, and fill caches.
        await service.cost(size.in_motion)
        for number in range(size.pairs):
            for side in (none, five) if number % 2 == 0 else (five, none):
                side.windows.append(await (service.window() if side is none else service.subscribed_window()))
        _, none.cost = await service.cost(size.costed)
        async with service.subscribed():
            orders, five.cost = await service.cost(size.costed)
            await service.told(orders)
        await service.subscriptions.delete()
        caught_up, costs = await _catch_up(service, store, size.missed)
    return _compared(none, five, service, caught_up, costs)


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


async def _catch_up(service: _Service, store: OrderStatusStore, count: int) -> tuple[float, float]:
    """Return how many events a second a consumer is sent after it was away for so many, and what one costs the worker.

    The cost is in milliseconds of CPU.

    Raises:
        RuntimeError: not all events have come, in order.
    """
    async with consumer(_ABSENT_ANSWERS_AFTER) as away:
        subscriptions = Subscriptions(service.http)
        await subscriptions.add("away", away, atOnce=_ABSENT_AT_ONCE)
        await subscriptions.pause()
        orders = await read_model.fill(store, count // _EVENTS_OF_ONE)

        async def logged() -> bool:
            return await subscriptions.behind() >= count

        await soon(logged, within=_CATCHES_UP_WITHIN, every=0.1, what="all events in the log")
        wanted, worker = set(orders), service.running.pids("worker")
        used, began = machine.cpu_seconds(worker), datetime.now(UTC)
        await subscriptions.resume()

        async def caught_up() -> bool:
            return len({event.event_id for event in away.received if event.order_id in wanted}) >= count

        await soon(caught_up, within=_CATCHES_UP_WITHIN, every=0.1, what="all events at the consumer")
        used, took = machine.cpu_seconds(worker) - used, away.received[-1].accepted_at - began
        check(away, orders)
        return count / took.total_seconds(), 1000 * used / count


def _compared(none: _Side, five: _Side, service: _Service, caught_up: float, costs: float) -> Measurement:
    found = Measurement(
        f"{service.size.in_motion} orders in motion with five subscriptions, one dead and one slow, and with none"
    )
    windows = [joined(side.windows) for side in (none, five)]

    def row(what: str, without: Cell, having: Cell) -> None:
        found.rows.append({"what": what, _NONE: without, _FIVE: having})

    row("completed orders/s", *(window.rate for window in windows))
    for process in _PROCESSES:
        row(f"{process} CPU ms an order", *(1000 * window.cpu[process] / len(window.orders) for window in windows))
    for what in _COUNTED:
        row(f"{what} of an order", none.cost[what], five.cost[what])
    row("activities of the relay/s", "–", statistics.mean(service.relayed))
    for name, (share, _) in _DELAYS.items():
        row(f"delay of an event, {name} s", "–", percentile(service.delays, share))
    row("events/s to one that catches up", "–", caught_up)
    row("worker CPU ms for each of them", "–", costs)

    ratios = [ours.rate / bare.rate for ours, bare in zip(five.windows, none.windows, strict=True)]
    listed = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    told = f"share of the completed orders/s with no subscription, median of {len(ratios)} pairs ({listed})"
    found.aims.append(Aim(told, statistics.median(ratios), _AT_LEAST, at_least=True))
    for what in _COUNTED:
        found.aims.append(Aim(f"{what} of an order", float(five.cost[what]), cost.LIMITS[what]))
    found.aims.append(Aim("activities of the relay in a second", statistics.mean(service.relayed), _RELAY_AT_MOST))
    for name, (share, bound) in _DELAYS.items():
        found.aims.append(Aim(f"delay of an event, {name}, seconds", percentile(service.delays, share), bound))
    found.aims.append(Aim("events a second to one that catches up", caught_up, _CATCH_UP_AT_LEAST, at_least=True))
    return found
