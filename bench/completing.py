"""Completed orders per second, compared with a bare workflow of the same shape, and the CPU time for each order.

The bare workflow runs twice: with the SDK's own workflow runner, which is what Temporal itself costs, and with that of
the service, which shows what the orders cost beside it. The last rows compare payloads that are bound to their workflow
with payloads that are not.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.client import Client

from bench import read_model, sealing
from bench.bare_worker import BARE, ENGINEER_ID, STOCK, queue
from bench.bare_workflow import BareWorkflow
from bench.load import Load, RequestFeed, Window, joined
from bench.orders import ByClient, OverHttp, Way
from bench.report import Aim, Measurement
from domain.common import contexts
from harness import stack
from harness.http_client import connections

IN_MOTION = 30
_STOCK = "bare workflow with the stock runner, by the client"
_BARE = "bare workflow, by the client"
_OURS = "orders, by the client"
_HTTP = "orders, over HTTP"


async def measure(*, quick: bool) -> Measurement:
    """Measure rates and CPU time of the bare workflows, of orders driven in the same way, and of orders over HTTP."""
    rounds, waves = (1, 1) if quick else (6, 2)
    windows: dict[str, list[Window]] = {_STOCK: [], _BARE: [], _OURS: [], _HTTP: []}
    async with (
        stack.running("temporal", "migration", "worker", "api") as running,
        read_model.opened(running.settings) as store,
        connections(running.api, IN_MOTION) as opened,
        _bare_feed(running, STOCK) as stock_feed,
        _bare_feed(running, BARE) as bare_feed,
    ):
        client, ours_feed = running.client, RequestFeed(read_model.Requests(store).look)
        sides: dict[str, tuple[Way, RequestFeed, tuple[str, ...]]] = {
            _STOCK: (_bare(client, STOCK), stock_feed, ("temporal", STOCK)),
            _BARE: (_bare(client, BARE), bare_feed, ("temporal", BARE)),
            _OURS: (ByClient(client), ours_feed, ("temporal", "worker")),
            _HTTP: (OverHttp(list(opened)), ours_feed, ("temporal", "worker", "api")),
        }
        for number in range(rounds):
            for name in sides if number % 2 == 0 else reversed(sides):
                way, feed, kinds = sides[name]
                load = Load(client, way, feed, IN_MOTION)
                windows[name].append(await load.window(running, kinds, waves=waves))
    found = _compared({name: joined(measured) for name, measured in windows.items()})
    await sealing.measure(found, IN_MOTION, quick=quick)
    return found


def _compared(sides: dict[str, Window]) -> Measurement:
    found = Measurement(f"Completed orders, {IN_MOTION} in motion, one worker process")
    for name, window in sides.items():
        share = window.rate / sides[_STOCK].rate
        [worker] = [used for kind, used in window.cpu.items() if kind in ("worker", BARE, STOCK)]
        cpu = {"temporal": window.cpu["temporal"], "worker": worker, "api": window.cpu.get("api", 0)}
        found.rows.append({"what": name, "orders/s": window.rate, "share": share, **window.per_order(cpu)})
        if name == _OURS:
            by_bare = window.rate / sides[_BARE].rate
            found.aims += [
                Aim("driven in the same way: share of the bare rate with the stock runner", share, 0.9, at_least=True),
                Aim("driven in the same way: share of the bare rate", by_bare, 0.85, at_least=True),
            ]
    return found


def _bare(client: Client, runner: str) -> ByClient:
    return ByClient(client, BareWorkflow.__name__, queue(runner, contexts.ORDERS))


@asynccontextmanager
async def _bare_feed(running: stack.Stack, runner: str) -> AsyncIterator[RequestFeed]:
    path = running.settings.data_dir / f"{runner}-requested"
    await running.run_beside(runner, "bench.bare_worker", runner, str(path))
    with await asyncio.to_thread(Path.open, path, encoding="ascii") as lines:

        async def look() -> Iterable[tuple[str, str]]:
            return [(line.strip(), ENGINEER_ID) for line in lines]

        yield RequestFeed(look)
