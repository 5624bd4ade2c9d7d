"""Completed orders per second, compared with a bare workflow of the same shape, and the CPU time for each order.

The last rows compare payloads that are bound to their workflow with payloads that are not.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from bench import read_model, sealing
from bench.bare_workflow import QUEUE_PREFIX, BareWorkflow
from bench.load import Load, RequestFeed, Window, joined
from bench.orders import ByClient, OverHttp, Way
from bench.report import Aim, Measurement
from domain.common import contexts
from harness import stack
from harness.http_client import connections

IN_MOTION = 30
_BARE = "bare workflow, by the client"
_OURS = "orders, by the client"
_HTTP = "orders, over HTTP"


async def measure(*, quick: bool) -> Measurement:
    """Measure rates and CPU time of the bare workflow, of orders driven in the same way, and of orders over HTTP."""
    rounds, seconds = (1, 4.0) if quick else (6, 4.0)
    windows: dict[str, list[Window]] = {_BARE: [], _OURS: [], _HTTP: []}
    async with (
        stack.running("temporal", "migration", "worker", "api") as running,
        read_model.opened(running.settings) as store,
        connections(running.api, IN_MOTION) as opened,
        _bare_feed(running) as bare_feed,
    ):
        client, ours_feed = running.client, RequestFeed(read_model.Requests(store).look)
        bare = ByClient(client, BareWorkflow.__name__, QUEUE_PREFIX + contexts.ORDERS)
        sides: dict[str, tuple[Way, RequestFeed, tuple[str, ...]]] = {
            _BARE: (bare, bare_feed, ("temporal", "bare")),
            _OURS: (ByClient(client), ours_feed, ("temporal", "worker")),
            _HTTP: (OverHttp(list(opened)), ours_feed, ("temporal", "worker", "api")),
        }
        for number in range(rounds):
            for name in sides if number % 2 == 0 else reversed(sides):
                way, feed, kinds = sides[name]
                load = Load(client, way, feed, IN_MOTION)
                windows[name].append(await load.window(running, kinds, warm=2, seconds=seconds))
    found = _compared({name: joined(measured) for name, measured in windows.items()})
    await sealing.measure(found, IN_MOTION, quick=quick)
    return found


def _compared(sides: dict[str, Window]) -> Measurement:
    found = Measurement(f"Completed orders, {IN_MOTION} in motion, one worker process")
    for name, window in sides.items():
        share = window.rate / sides[_BARE].rate
        worker = window.cpu.get("worker", window.cpu.get("bare", 0))
        cpu = {"temporal": window.cpu["temporal"], "worker": worker, "api": window.cpu.get("api", 0)}
        found.rows.append({"what": name, "orders/s": window.rate, "share": share, **window.per_order(cpu)})
        if name == _OURS:
            found.aims.append(Aim("driven in the same way: share of the bare rate", share, 0.85, at_least=True))
    return found


@asynccontextmanager
async def _bare_feed(running: stack.Stack) -> AsyncIterator[RequestFeed]:
    path = running.settings.data_dir / "requested"
    await running.run_beside("bare", "bench.bare_worker", str(path))
    with await asyncio.to_thread(Path.open, path, encoding="ascii") as lines:

        async def look() -> Iterable[tuple[str, str]]:
            return [(line.strip(), "engineer-1") for line in lines]

        yield RequestFeed(look)
