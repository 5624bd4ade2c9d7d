"""Drill: every process of the service is replaced, one after the other, while clients place orders without a pause.

HAProxy is in front of two APIs and checks the readiness of each. A new API is started; once it is ready, the old one
is stopped: it drains while HAProxy takes it out, and ends. Workers of the new build are started next to the old ones
and promoted, then the old ones are stopped. No request may fail, and every acknowledged order must reach its end.
Then the consoles are replaced while people use them (`drills/redeploy_console.py`).

At last APIs and workers are replaced without these measures, to show their worth: nobody checks readiness, no API
drains, and each process is replaced on its own port.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from domain.orders import OrderStatus
from drills import redeploy_console
from drills.drill import Drill, Options
from drills.people import People, install, people
from harness.balancer import balance
from harness.ports import free_ports
from harness.siege import Siege, besiege
from harness.stack import Stack, running
from harness.waiting import PATIENCE
from ops.promote_build import Release

ORIGINAL_BODY = '{"productId": "2001", "productName": "internet", "installationAddress": "Seoul", "customerId": "1"}'
FAULTS = {"hasty": "an API that is told to stop does not drain"}
_EACH = 2
"""Number of processes of each kind."""
_SLOTS = {"MAX_CONCURRENT_ACTIVITIES": "4", "MAX_CONCURRENT_WORKFLOW_TASKS": "4"}
"""Slots of each worker and queue, as many as one machine can use. More tasks would only wait at its Temporal server,
ahead of new orders."""
_RELEASED_WITHIN = 120.0
_SETTLED_WITHIN = 1800.0


@dataclass(frozen=True)
class Seen:
    """Observations of clients and balancer during one redeployment."""

    siege: Siege
    answers: Counter[str]
    """Responses by status, from the balancer's log."""
    replaced: int
    """Number of processes that were replaced before siege ended."""
    took: float
    """Seconds for replacing all processes."""
    orders: Sequence[str]
    """Ids of acknowledged orders."""
    url: str
    """URL of an API that runs now."""


async def run(options: Options) -> Drill:
    """Replace everything while it is used, with and without guidance."""
    drill = Drill("Redeployed under siege")
    async with running("temporal", "migration", environment=_environment(options.plant != "hasty")) as stack:
        guided = await _redeploy(stack, options, steered=True)
        judge(drill, guided)
        if drill.passed:
            async with people(guided.url) as everybody:
                await _see_through(everybody, guided, drill)
            redeploy_console.judge(drill, await redeploy_console.replace(stack, options, guided.url))
    if not options.plant:
        async with running("temporal", "migration", environment=_environment(drains=False)) as stack:
            blind = await _redeploy(stack, options, steered=False)
            drill.rows.append(_row("no readiness check, no drain (no target)", blind))
    return drill


def judge(drill: Drill, seen: Seen) -> None:
    """Check that clients were not affected."""
    drill.rows.append(_row("by readiness, drained", seen))
    drill.check(f"all {2 * _EACH} processes were replaced during the siege", seen.replaced == 2 * _EACH)
    total = seen.siege.succeeded + seen.siege.failed
    drill.check(f"{seen.siege.failed} of {total} requests failed", seen.siege.failed == 0 < total)
    # siege aborts requests in progress at its end, and does not count them.
    others = {answer: count for answer, count in seen.answers.items() if answer != "201" and " C" not in answer}
    drill.check(f"{len(seen.orders)} orders were acknowledged", len(seen.orders) >= seen.siege.succeeded)
    drill.check(f"the balancer has seen no other answer ({others or 'none'})", not others)


async def _redeploy(stack: Stack, options: Options, *, steered: bool) -> Seen:
    old = free_ports(_EACH)
    new = free_ports(_EACH) if steered else old
    for number, port in enumerate(old):
        await stack.add_api(f"api-old-{number}", port=port)
    if steered:
        await _release(stack, "old")
    else:
        for number in range(_EACH):
            await stack.add_worker(f"worker-old-{number}")
    host = stack.settings.api_host
    addresses = [(host, port) for port in sorted({*old, *new})]
    # An API gets as many requests at once as it may start orders. The others wait for the API that is free first.
    at_once = stack.settings.max_starts_in_flight
    balancer = await balance(stack, addresses, running=_EACH, at_once=at_once, steered=steered)
    clients, seconds = (6, 90) if options.quick else (30, 150)
    url = f"http://127.0.0.1:{balancer.port}/orders"
    siege = asyncio.create_task(besiege(url, clients=clients, seconds=seconds, body=ORIGINAL_BODY))
    await asyncio.sleep(seconds / 10)
    replacing = asyncio.create_task((_replace_guided if steered else _replace_blindly)(stack, new))
    began = perf_counter()
    await asyncio.wait((siege, replacing), return_when=asyncio.FIRST_COMPLETED)
    replaced = 2 * _EACH if replacing.done() else 0
    await replacing
    took = perf_counter() - began
    result = await siege
    await balancer.stop()
    return Seen(result, balancer.answers(), replaced, took, balancer.acknowledged(), f"http://{host}:{new[0]}")


async def _replace_guided(stack: Stack, ports: Sequence[int]) -> None:
    for number, port in enumerate(ports):
        await stack.add_api(f"api-new-{number}", port=port)
        await stack.stop(f"api-old-{number}", within=PATIENCE)
    await _release(stack, "new")
    for number in range(_EACH):
        await stack.stop(f"worker-old-{number}")


async def _replace_blindly(stack: Stack, ports: Sequence[int]) -> None:
    for number, port in enumerate(ports):
        await stack.stop(f"api-old-{number}")
        await stack.add_api(f"api-new-{number}", port=port)
    for number in range(_EACH):
        await stack.stop(f"worker-old-{number}")
        await stack.add_worker(f"worker-new-{number}")


async def _release(stack: Stack, build: str) -> None:
    """Start the workers of a build, and promote the build."""
    version = {"WORKER_DEPLOYMENT_NAME": "drill", "WORKER_BUILD_ID": build}
    for number in range(_EACH):
        await stack.add_worker(f"worker-{build}-{number}", **version)
    settings = stack.settings.model_copy(update={name.lower(): value for name, value in version.items()})
    async with asyncio.timeout(_RELEASED_WITHIN):
        await Release(stack.client, settings).take_over()


async def _see_through(everybody: People, seen: Seen, drill: Drill) -> None:
    """Bring every acknowledged order to its end."""
    # Without a key, each request is a separate order, including requests that siege aborted.
    everybody.accounts.requested.update(f"request {number}" for number in range(seen.answers.total()))
    for number, order_id in enumerate(seen.orders):
        everybody.accounts.placed(f"request {number}", order_id)
    await everybody.until_none_left(within=_SETTLED_WITHIN)
    await install(everybody, seen.orders, within=_SETTLED_WITHIN)
    found = await everybody.accounts.settle(everybody.api, drill, within=_SETTLED_WITHIN)
    completed = sum(order.status == OrderStatus.JOIN_COMPLETED for order in found.values())
    drill.check(f"{completed} of {len(seen.orders)} reached JOIN_COMPLETED", completed == len(set(seen.orders)))


def _row(how: str, seen: Seen) -> dict[str, str | int | float | None]:
    total = seen.siege.succeeded + seen.siege.failed
    return {
        "replaced": how,
        "requests": total,
        "failed": seen.siege.failed,
        "availability %": 100 * seen.siege.succeeded / max(total, 1),
        "orders/s": seen.siege.rate,
        "mean s": seen.siege.mean_seconds,
        "longest s": seen.siege.longest_seconds,
        "replacing took s": seen.took,
    }


def _environment(drains: bool) -> dict[str, str]:
    return {"DRAIN_SECONDS": redeploy_console.DRAINED if drains else "0", **_SLOTS, **redeploy_console.UNLIMITED}
