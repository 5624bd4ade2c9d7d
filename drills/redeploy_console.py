"""Drill: every console is replaced by one of the next release, one after the other, while people use them.

HAProxy is in front of two consoles and checks the readiness of each. A console of the next release, whose pages load
other files, is started; once it is ready, an old one is stopped: it drains while HAProxy takes it out, and ends. No
page may fail, none may be without its stylesheet and its script, also where a page and its files come from different
releases, and no browser may keep a file under a wrong name. Every order that a form has acknowledged is there, once.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import httpx2

from drills.drill import Drill, Options
from drills.lists import items
from drills.visitors import CUSTOMER, Seen, until_seen, visitors
from harness.balancer import balance
from harness.next_release import files_of, next_release
from harness.ports import free_port, free_ports
from harness.release_before import OURS
from harness.stack import Stack, running
from harness.waiting import PATIENCE, last_look
from runtime.key_files import new_key

FAULTS = {"hasty": "a console that is told to stop does not drain"}
_EACH = 2
"""Number of consoles of each release."""
_AT_ONCE = 50
"""Requests that HAProxy sends to one console at once."""
DRAINED = "10"
"""Seconds for which a process drains. HAProxy takes it out after two probes, which a busy machine answers late."""
UNLIMITED = {f"RATE_LIMIT_{role}": "0" for role in ("CUSTOMER", "ENGINEER", "MANAGER")}
"""Settings of the API: each person stands for many here, and asks for more than one may."""


@dataclass(frozen=True)
class Replaced:
    """What was seen while the consoles were replaced."""

    seen: Seen
    answers: Counter[str]
    """Responses by status, from the balancer's log."""
    known: Sequence[str]
    """Ids of the orders that the service has of the customer who ordered by forms."""
    took: float
    """Seconds for replacing all consoles."""


async def run(options: Options) -> Drill:
    """Replace the consoles of a service."""
    drill = Drill("Consoles are replaced while people use them")
    drains = {"DRAIN_SECONDS": "0" if options.plant == "hasty" else DRAINED}
    async with running("temporal", "migration", "api", environment=drains | UNLIMITED, engineers=1) as stack:
        replaced = await replace(stack, options, stack.url)
    judge(drill, replaced)
    seen = replaced.seen
    drill.rows.append(
        {
            "consoles replaced": _EACH,
            "pages": seen.pages.total(),
            "orders by forms": len(seen.ordered),
            "failed": len(seen.failed),
            "API too slow": seen.slow,
            "files that did not come": len(seen.unstyled),
            "files of another release": seen.foreign,
            "replacing took s": replaced.took,
        }
    )
    return drill


def judge(drill: Drill, replaced: Replaced) -> None:
    """Check that nobody has noticed."""
    seen = replaced.seen
    counted = Counter(seen.ordered)
    others = replaced.answers - Counter({"503": seen.slow})
    others = Counter({answer: count for answer, count in others.items() if answer not in ("200", "303")})
    drill.check(f"{len(seen.failed)} of {seen.looks} pages and forms failed{_first(seen.failed)}", not seen.failed)
    missing = f"{len(seen.unstyled)} files of {seen.pages.total()} pages did not come{_first(seen.unstyled)}"
    drill.check(missing, not seen.unstyled)
    drill.check(f"{len(seen.misnamed)} files are kept wrongly{_first(seen.misnamed)}", not seen.misnamed)
    drill.check("pages of both releases were seen", set(seen.pages) == set(seen.releases))
    drill.check(f"{seen.foreign} files came from another release than their page", seen.foreign > 0)
    drill.check(
        f"{len(counted)} orders were acknowledged to forms, {len(replaced.known)} are there",
        bool(counted) and counted == Counter(replaced.known),
    )
    drill.check(f"the balancer of the consoles has seen no other answer ({dict(others) or 'none'})", not others)


async def replace(stack: Stack, options: Options, api_url: str) -> Replaced:
    """Replace the consoles of an API by those of the next release."""
    ports, port, host = free_ports(2 * _EACH), free_port(), stack.settings.console_host
    url = f"http://127.0.0.1:{port}"
    places = {"CONSOLE_API_URL": api_url, "CONSOLE_URL": url, "CONSOLE_SESSION_KEYS": f"drill:{new_key()}"}
    following = await asyncio.to_thread(next_release, stack.settings.data_dir / "next-release")
    releases = [await asyncio.to_thread(files_of, each) for each in (OURS, following)]
    for number, at in enumerate(ports[:_EACH]):
        await stack.add_console(f"console-old-{number}", port=at, **places)
    addresses = [(host, at) for at in ports]
    balancer = await balance(stack, addresses, running=_EACH, at_once=_AT_ONCE, name="balancer-of-consoles", port=port)
    seen, between = Seen({each.version: each.contents for each in releases}), 12 if options.quick else 200
    async with visitors(url, seen, each=1 if options.quick else 4):
        await until_seen(seen, between)
        began = perf_counter()
        for number, at in enumerate(ports[_EACH:]):
            await stack.of(following).add_console(f"console-new-{number}", port=at, **places)
            await until_seen(seen, between)
            await stack.stop(f"console-old-{number}", within=PATIENCE)
            await until_seen(seen, between)
        took = perf_counter() - began
    await balancer.stop()
    return Replaced(seen, balancer.answers(), await _orders_of(api_url, len(seen.ordered)), took)


async def _orders_of(api_url: str, expected: int) -> list[str]:
    """Return the ids of the orders that were placed by forms, as soon as the expected number of them is there."""
    async with httpx2.AsyncClient(base_url=api_url, timeout=PATIENCE, trust_env=False) as http:
        found: list[str] = []

        async def complete() -> bool:
            found[:] = [order["orderId"] async for order in items(http, "/orderStatuses", customerId=CUSTOMER)]
            return len(found) >= expected

        await last_look(complete, every=0.2)
        return found


def _first(found: Sequence[str]) -> str:
    return f" (the first: {found[0]})" if found else ""
