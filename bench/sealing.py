"""Completed orders per second with bound payloads, compared with payloads that are bound to nothing.

Each side has its own Temporal server and worker. They take turns, because what slows the machine slows both.
"""

import statistics
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from bench import read_model
from bench.load import Load, RequestFeed, Window, joined
from bench.orders import ByClient
from bench.report import Aim, Measurement
from harness import stack
from harness.stack import Stack
from runtime.payload_binding import PayloadBinding

_PROCESSES = ("temporal", "worker")
_AT_LEAST = 0.97


@dataclass
class _Side:
    binding: PayloadBinding
    running: Stack
    feed: RequestFeed
    windows: list[Window] = field(default_factory=list)

    def load(self, in_motion: int) -> Load:
        return Load(self.running.client, ByClient(self.running.client), self.feed, in_motion)


async def measure(found: Measurement, in_motion: int, *, quick: bool) -> None:
    """Add the rates of both, and their ratio, to a measurement."""
    # The effect that is asked for is a few percent: less than one pair of turns differs from the next.
    pairs, waves = (1, 1) if quick else (15, 4)
    async with AsyncExitStack() as things:
        sides = [
            await things.enter_async_context(_side(binding))
            for binding in (PayloadBinding.ACCEPT, PayloadBinding.REQUIRE)
        ]
        for side in sides:
            # The first orders are not measured: they load and compile code, and fill caches.
            await side.load(in_motion).carry_through_many(in_motion)
        for number in range(pairs):
            for side in sides if number % 2 == 0 else reversed(sides):
                window = await side.load(in_motion).window(side.running, _PROCESSES, waves=waves)
                side.windows.append(window)
    unbound, bound = sides
    ratios = [ours.rate / theirs.rate for ours, theirs in zip(bound.windows, unbound.windows, strict=True)]
    for side in sides:
        whole = joined(side.windows)
        share = statistics.median(ratios) if side is bound else 1.0
        cpu = {kind: whole.cpu[kind] for kind in _PROCESSES} | {"api": 0.0}
        what = f"orders, by the client, PAYLOAD_BINDING={side.binding}"
        found.rows.append({"what": what, "orders/s": whole.rate, "share": share, **whole.per_order(cpu)})
    listed = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    told = f"bound payloads: share of the rate with unbound ones, median of {len(ratios)} pairs ({listed})"
    found.aims.append(Aim(told, statistics.median(ratios), _AT_LEAST, at_least=True))


@asynccontextmanager
async def _side(binding: PayloadBinding) -> AsyncIterator[_Side]:
    async with (
        stack.running("temporal", "migration", "worker", environment={"PAYLOAD_BINDING": binding}) as running,
        read_model.opened(running.settings) as store,
    ):
        yield _Side(binding, running, RequestFeed(read_model.Requests(store).look))
