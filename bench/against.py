"""Compares this release with another commit: `python -m bench --against COMMIT`.

Each has its own Temporal server, worker, API and data, and is started from its own sources and environment. They take
turns: one idles while the other is measured. Orders are placed and engineers act only over HTTP, so nothing of the
other commit is imported here.
"""

import asyncio
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Protocol, TypeVar
from uuid import uuid4

from bench.completing import IN_MOTION
from bench.cost import WAYS, of_orders
from bench.load import Load, RequestFeed, Window, joined
from bench.orders import OverHttp
from bench.report import Aim, Measurement, Row
from bench.turns import Side, share
from domain.common import contexts
from domain.order_status.reconciliation import WORKFLOW_TYPE, Reconciliation
from harness import stack, staff
from harness.http_client import Connection, connections
from harness.release_before import OURS, Checkout
from harness.stack import Stack

_AT_LEAST, _AT_MOST = 0.97, 1.03
_OF_A_PASS = 1 / 3
"""Share of the time of release 0c8ab7f, which took pages of 100."""
_REQUESTED = "/orderStatuses?status=INSTALLATION_REQUESTED&limit=200"
_PROCESSES = ("temporal", "worker", "api")
_COUNTED = ("activities", "workflow tasks", "events", "updates", "timers", "upserts", "actions")
_THIS = "this release"
_PLACED_AT_ONCE = (1, 50)

Each = TypeVar("Each")


class Measure(Protocol):
    """Part of the bench."""

    async def __call__(self, other: Checkout, *, quick: bool) -> Measurement:
        """Compare this release with another."""


@dataclass
class Contender:
    """One of the two releases."""

    name: str
    running: Stack
    way: OverHttp
    feed: RequestFeed
    windows: list[Window] = field(default_factory=list)

    def load(self, in_motion: int = IN_MOTION) -> Load:
        """Create a load with a number of orders in motion."""
        return Load(self.running.client, self.way, self.feed, in_motion)


async def completing(other: Checkout, *, quick: bool) -> Measurement:
    """Compare completed orders per second."""
    pairs, waves = (1, 1) if quick else (12, 2)
    found = Measurement(f"Completed orders against {_short(other)}, {IN_MOTION} in motion, one worker process each")
    async with _both(other, "worker") as contenders:
        for each in contenders:
            # The first orders are not measured: they load and compile code, and fill caches.
            await each.load().carry_through_many(IN_MOTION)
        for number in range(pairs):
            for each in _in_turns(contenders, number):
                each.windows.append(await each.load().window(each.running, _PROCESSES, waves=waves))
    wholes = [joined(each.windows) for each in contenders]
    for each, whole in zip(contenders, wholes, strict=True):
        cpu = {kind: whole.cpu[kind] for kind in _PROCESSES}
        found.rows.append({"what": each.name, "orders/s": whole.rate, **whole.per_order(cpu)})
    ours, theirs = (each.windows for each in contenders)
    found.aims.append(_ratio("orders/s", [(a.rate, b.rate) for a, b in zip(ours, theirs, strict=True)], _AT_LEAST))
    for kind in _PROCESSES:
        used = [(a.cpu_of_one(kind), b.cpu_of_one(kind)) for a, b in zip(ours, theirs, strict=True)]
        found.aims.append(_ratio(f"{kind} CPU time of an order", used, _AT_MOST, at_least=False))
    return found


async def cost(other: Checkout, *, quick: bool) -> Measurement:
    """Compare what Temporal bills, writes and stores for an order."""
    count = 10 if quick else 100
    found = Measurement(f"Cost of an order against {_short(other)}, the median of {count}")
    async with _both(other, "worker") as contenders:
        for each in contenders:
            await each.load().carry_through_many(IN_MOTION)
        for name, in_motion, rest in WAYS:
            rows = [await _cost(each, name, in_motion, rest, count) for each in contenders]
            found.rows += rows
            found.aims += [_no_more(name, counted, *rows) for counted in _COUNTED]
    return found


async def placing(other: Checkout, *, quick: bool) -> Measurement:
    """Compare `POST /orders` while no worker runs."""
    pairs, seconds = (1, 1.0) if quick else (6, 2.5)
    found = Measurement(f"Taking an order against {_short(other)}: `POST /orders`")
    async with _both(other) as contenders:
        for at_once in _PLACED_AT_ONCE:
            sides = [Side(each.name, each.way.place) for each in contenders]
            for number in range(pairs):
                for side, each in _in_turns(list(zip(sides, contenders, strict=True)), number):
                    await side.block(each.running, at_once, seconds, warm=1)
            found.rows += [side.row(at_once, "orders/s") for side in sides]
            found.aims.append(
                Aim(f"{at_once} at once: share of the throughput", share(*sides), _AT_LEAST, at_least=True)
            )
    return found


async def reconciling(other: Checkout, *, quick: bool) -> Measurement:
    """Compare a pass of the reconciliation over open orders, none of which it has to repair."""
    pairs, count = (1, 200) if quick else (3, 30_000)
    found = Measurement(f"A pass of the reconciliation against {_short(other)}, {count:,} open orders")
    async with _both(other) as contenders:
        for each in contenders:
            await _place(each, count)
            served = contexts.ORDER_STATUS, contexts.INSTALLATION
            await each.running.add_worker("worker-view", *served, RECONCILE_EVERY="0")
            # It compares all of these again, because it begins with nothing that an earlier pass has come to.
            await _pass(each)
        took: dict[str, list[float]] = {each.name: [] for each in contenders}
        for number in range(pairs):
            for each in _in_turns(contenders, number):
                took[each.name].append(await _pass(each))
    found.rows = [{"what": name, "seconds": statistics.median(passes)} for name, passes in took.items()]
    ours, theirs = took.values()
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    found.aims.append(Aim("share of the other's time", ratio, _OF_A_PASS))
    return found


PARTS: Mapping[str, Measure] = {
    "completing": completing,
    "cost": cost,
    "placing": placing,
    "reconciling": reconciling,
}
DEFAULT = ("completing", "cost")


@asynccontextmanager
async def _both(other: Checkout, *more: str) -> AsyncIterator[Sequence[Contender]]:
    """Start both releases: Temporal server, API, and the other parts that are named."""
    async with AsyncExitStack() as things:
        yield [
            await things.enter_async_context(_contender(name, checkout, more))
            for name, checkout in ((_THIS, OURS), (_short(other), other))
        ]


@asynccontextmanager
async def _contender(name: str, checkout: Checkout, more: Iterable[str]) -> AsyncIterator[Contender]:
    parts = ("temporal", "migration", *more, "api")
    most = max(IN_MOTION, *_PLACED_AT_ONCE)
    async with (
        stack.running(*parts, engineers=1, checkout=checkout) as running,
        connections(running.api, most) as acting,
        connections(running.api, 1) as [looking],
    ):
        await staff.hire_over_http(running.api)
        yield Contender(name, running, OverHttp(list(acting)), RequestFeed(_requests(looking)))


async def _place(each: Contender, count: int) -> None:
    left = count

    async def place() -> None:
        nonlocal left
        while left:
            left -= 1
            await each.way.place()

    await asyncio.gather(*(place() for _ in range(_PLACED_AT_ONCE[-1])))


async def _pass(each: Contender) -> float:
    """Run a whole pass. Returns how many seconds it took."""
    began = perf_counter()
    await each.running.client.execute_workflow(
        WORKFLOW_TYPE, Reconciliation(quiet_for=0), id=uuid4().hex, task_queue=contexts.ORDER_STATUS
    )
    return perf_counter() - began


def _requests(connection: Connection) -> Callable[[], Awaitable[Iterable[tuple[str, str]]]]:
    async def look() -> Iterable[tuple[str, str]]:
        _, answer = await connection.timed(_REQUESTED)
        return [(row["orderId"], row["engineerId"]) for row in answer.document()["items"]]

    return look


async def _cost(each: Contender, name: str, in_motion: int, rest: float, count: int) -> Row:
    _, row = await of_orders(each.running, each.load(in_motion), count, rest)
    return {"order": f"{name}, {each.name}", **row}


def _no_more(name: str, counted: str, ours: Row, theirs: Row) -> Aim:
    return Aim(f"{counted} {name}, compared with the other commit", float(ours[counted]), float(theirs[counted]))


def _ratio(what: str, pairs: Sequence[tuple[float, float]], bound: float, *, at_least: bool = True) -> Aim:
    """Compare neighboring turns, because what slows the machine for a while slows both."""
    ratios = [ours / theirs for ours, theirs in pairs]
    listed = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    told = f"{what}, by that of the other commit, median of {len(ratios)} pairs ({listed})"
    return Aim(told, statistics.median(ratios), bound, at_least=at_least)


def _in_turns(both: Sequence[Each], number: int) -> Iterable[Each]:
    """Alternate who is first, because the second runs while the first one still cleans up."""
    return both if number % 2 == 0 else reversed(both)


def _short(other: Checkout) -> str:
    return other.commit[:7]
