"""Acts, reading and reconciliation with few and with many open orders; memory of each process, and disk for each order.

Every order is placed, and waits until its engineer accepts. The worker is restarted before the acts, so that its cache
is empty: an order that is read just before an act is in the cache, and any other one is replayed first.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from time import perf_counter
from uuid import uuid4

from bench import read_model
from bench.load import RequestFeed
from bench.orders import ByClient, OverHttp
from bench.report import Aim, Measurement, percentile
from domain.common import contexts
from domain.order_status.reconciliation import WORKFLOW_ID, WORKFLOW_TYPE, Reconciled, Reconciliation
from harness import stack
from harness.http_client import Connection, connections
from harness.process_usage import resident_mib
from harness.stack import Stack

_QUICK, _COUNTS, _FULL = (20, 60), (1_000, 30_000), (1_000, 30_000, 100_000)
_PLACED_AT_ONCE = 30
_VISITS_OF_AN_ENGINEER = 50
"""Fewer than fit into the time in which visits are booked, so that every order finds a window."""
_PROCESSES = ("temporal", "worker", "api")
_NOTHING = "/health/live"
_PAGE, _ORDER, _SUMMARY = "/orderStatuses, a page of 50", "/orderStatuses/{orderId}", "/orderStatuses/summary"
_ACTS = {"accept": "/installations/{}/accept", "cancel": "/orders/{}/cancel"}
_CACHED, _REPLAYED = "in the worker's cache", "replayed first"
_FLAT, _WITH_REPLAY = 1.5, 3.0
"""Maximum growth of the p99."""
_WARM_UP = 3
"""Acts of each kind that are not measured: a worker that has just started loads and compiles code."""

Durations = dict[str, list[float]]
Column = dict[tuple[str, str], float]
"""Measured values, by what they are and by their unit."""


@dataclass
class OpenOrders:
    """Open orders of a running service."""

    running: Stack
    connection: Connection
    feed: RequestFeed
    placed: list[str] = field(default_factory=list)
    untouched: list[str] = field(default_factory=list)
    """Orders whose engineers have not accepted."""
    canceled: int = 0
    random: Random = field(default_factory=lambda: Random(1))  # noqa: S311 - any orders will do

    async def place(self, count: int) -> None:
        """Place so many orders, a few at once. Returns when engineers have the requests for all of them."""
        way, left = ByClient(self.running.client), iter(range(count))

        async def loop() -> None:
            for _ in left:
                await self._requested(await way.place())

        await asyncio.gather(*(loop() for _ in range(_PLACED_AT_ONCE)))

    async def place_over_http(self, count: int) -> Durations:
        """Place so many orders, one after the other, and measure the durations."""
        way = OverHttp([self.connection])
        ids, took = [], []
        for _ in range(count):
            began = perf_counter()
            ids.append(await way.place())
            took.append(perf_counter() - began)
        await asyncio.gather(*map(self._requested, ids))
        return {"POST /orders": took}

    async def act(self, count: int) -> Durations:
        """Accept and cancel so many orders, in the cache and not, and measure the durations."""
        await self.running.finish("worker", signal.SIGTERM)
        await self.running.start("worker")
        way = OverHttp([self.connection])
        took: Durations = {f"{act}, {kind}": [] for act in _ACTS for kind in (_CACHED, _REPLAYED)}
        for _ in range(_WARM_UP + count):
            for act, path in _ACTS.items():
                for kind in (_CACHED, _REPLAYED):
                    order_id = self.untouched.pop(self.random.randrange(len(self.untouched)))
                    if kind == _CACHED:
                        await way.send("GET", f"/orders/{order_id}")
                    began = perf_counter()
                    await way.send("POST", path.format(order_id))
                    took[f"{act}, {kind}"].append(perf_counter() - began)
                    self.canceled += act == "cancel"
        return {what: each[_WARM_UP:] for what, each in took.items()}

    async def read(self, rounds: int) -> Durations:
        """Read each route in turns, pages one after the other, and measure the durations."""
        took: Durations = {route: [] for route in (_NOTHING, _PAGE, _ORDER, _SUMMARY)}
        first = page = "/orderStatuses?limit=50"
        for _ in range(rounds):
            order = f"/orderStatuses/{self.random.choice(self.placed)}"
            for route, path in ((_NOTHING, _NOTHING), (_PAGE, page), (_ORDER, order), (_SUMMARY, _SUMMARY)):
                seconds, answer = await self.connection.timed(path)
                took[route].append(seconds)
                if route == _PAGE:
                    cursor = answer.document()["nextCursor"]
                    page = f"{first}&cursor={cursor}" if cursor else first
        return took

    async def reconcile(self) -> float:
        """Run a pass over all orders. Returns its duration in seconds."""
        began = perf_counter()
        await self.running.client.execute_workflow(
            WORKFLOW_TYPE,
            Reconciliation(quiet_for=0),
            id=f"{WORKFLOW_ID}-{uuid4().hex}",
            task_queue=contexts.ORDER_STATUS,
            result_type=Reconciled,
        )
        return perf_counter() - began

    def memory(self) -> Mapping[str, float]:
        """Return the resident memory of each process in MiB."""
        return {f"memory, {kind}": sum(map(resident_mib, self.running.pids(kind))) for kind in _PROCESSES}

    def disk(self) -> Mapping[str, int]:
        """Return the bytes of the Temporal server's files, and of those of the contexts."""
        sizes = {"disk, temporal": 0, "disk, contexts": 0}
        for file in self.running.settings.data_dir.glob("*.db*"):
            sizes["disk, temporal" if file.name.startswith("temporal.") else "disk, contexts"] += file.stat().st_size
        return sizes

    async def _requested(self, order_id: str) -> None:
        await self.feed.requested(order_id)
        self.placed.append(order_id)
        self.untouched.append(order_id)


async def measure(*, quick: bool, full: bool = False) -> Measurement:
    """Measure everything with each number of open orders. `full` adds the largest one, which takes hours."""
    counts = _QUICK if quick else _FULL if full else _COUNTS
    acts, rounds = (4, 20) if quick else (200, 600)
    columns: dict[int, Column] = {}
    async with _opened(counts[-1] // _VISITS_OF_AN_ENGINEER + _PLACED_AT_ONCE) as orders:
        empty = orders.disk()
        for count in counts:
            # So many are open when those have been canceled that are canceled here: in the cache, and not.
            missing = count + 2 * (_WARM_UP + acts) - (len(orders.placed) - orders.canceled)
            await orders.place(missing - acts)
            columns[count] = await _column(orders, empty, acts, rounds)
    found = Measurement(f"{' and '.join(f'{count:,}' for count in counts)} open orders, one request at a time")
    for what, unit in columns[counts[0]]:
        cells = {f"{count:,} open": column[what, unit] for count, column in columns.items()}
        found.rows.append({"what": what, "unit": unit, **cells})
    for count in counts[1:]:
        found.aims += _aims(count, columns[counts[0]], columns[count])
    return found


async def _column(orders: OpenOrders, empty: Mapping[str, int], acts: int, rounds: int) -> Column:
    placing = await orders.place_over_http(acts)
    memory, disk = orders.memory(), orders.disk()
    column: Column = {(what, "MiB"): mebibytes for what, mebibytes in memory.items()}
    column |= {(what, "KiB an order"): (disk[what] - empty[what]) / 1024 / len(orders.placed) for what in disk}
    for what, took in (placing | await orders.read(rounds) | await orders.act(acts)).items():
        column[what, "p50 ms"] = percentile(took, 0.5) * 1000
        column[what, "p99 ms"] = percentile(took, 0.99) * 1000
    column["reconciliation, one pass", "s"] = await orders.reconcile()
    return column


def _aims(count: int, few: Column, many: Column) -> list[Aim]:
    def growth(what: str, before: str) -> float:
        return many[what, "p99 ms"] / few[before, "p99 ms"]

    # Compared with the route that does nothing, because the machine may be slower for a while.
    slower = max(growth(_NOTHING, _NOTHING), 1)
    aims = [
        Aim(
            f"{route}: growth of the p99 with {count:,} open, beside that of {_NOTHING} if it grows",
            growth(route, route) / slower,
            _FLAT,
        )
        for route in (_PAGE, _ORDER, _SUMMARY)
    ]
    for act in _ACTS:
        cached = f"{act}, {_CACHED}"
        for what, bound in ((cached, _FLAT), (f"{act}, {_REPLAYED}", _WITH_REPLAY)):
            text = f"{what}: p99 with {count:,} open, by that with the fewest of orders {_CACHED}"
            aims.append(Aim(text, growth(what, cached), bound))
    return aims


@asynccontextmanager
async def _opened(engineers: int) -> AsyncIterator[OpenOrders]:
    parts = ("temporal", "migration", "worker", "api")
    async with (
        # The only passes are those that are measured.
        stack.running(*parts, engineers=engineers, environment={"RECONCILE_EVERY": "0"}) as running,
        read_model.opened(running.settings) as store,
        connections(running.api, 1) as [connection],
    ):
        feed = RequestFeed(read_model.Requests(store).look)
        feeding = asyncio.create_task(feed.run())
        try:
            yield OpenOrders(running, connection, feed)
        finally:
            feeding.cancel()
            with suppress(asyncio.CancelledError):
                await feeding
