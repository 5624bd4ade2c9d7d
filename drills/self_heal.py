"""Drill: a worker hangs, then the API. Each fails its liveness probe and is replaced, and nothing is lost.

A part hangs because of SIGSTOP: its process exists and holds its port, but does nothing. The supervisor has to detect
this by itself.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from time import perf_counter

from drills.crowd import Crowd
from drills.drill import Drill, Options
from drills.people import people
from harness.supervised import Supervised, supervised
from harness.waiting import NotInTime, soon

FAULTS = {"unwatched": "the supervisor asks no part whether it lives"}
_UNWATCHED = """\
import asyncio, sys
from supervisor.keeper import Keeper
Keeper._watch = lambda *_: asyncio.Event().wait()
from supervisor.__main__ import main
sys.exit(main())
"""
_PARTS = ("worker", "api")
_SETTLED_WITHIN = 120.0
_BETWEEN_LOOKS = 0.2


@dataclass(frozen=True)
class Seen:
    """Result for a part that hung."""

    part: str
    seconds: float | None
    """Seconds until another process of the part was ready, or `None` if there was none."""
    named: bool
    """Whether the output says which part hung."""


async def run(options: Options) -> Drill:
    """Let one part after the other hang while the service is in use."""
    drill = Drill("A part that hangs is replaced")
    command = ("-c", _UNWATCHED) if options.plant else ("-m", "supervisor")
    async with supervised(command) as service, people(service.url) as everybody:
        dice = Random(options.seed)  # noqa: S311 - chance, not a secret
        crowd = Crowd([everybody], dice, pause=0.2)
        using = asyncio.create_task(crowd.busy(2 if options.quick else 6))
        seen = []
        for part in _PARTS:
            await asyncio.sleep(2 if options.quick else 15)
            seen.append(await _hang(service, part))
            if seen[-1].seconds is None:
                using.cancel()
                break
        crowd.leave()
        await asyncio.wait((using,))
        judge(drill, seen)
        if drill.passed:
            crowd.judge(using, drill)
            await everybody.accounts.settle(everybody.api, drill, within=_SETTLED_WITHIN)
    return drill


def judge(drill: Drill, seen: Sequence[Seen]) -> None:
    """Check that each part was detected and replaced."""
    for each in seen:
        drill.rows.append(
            {"hung": each.part, "another was ready after s": each.seconds, "named": "yes" if each.named else "no"}
        )
        drill.check(f"{each.part} was found out, named and replaced", each.seconds is not None and each.named)
    drill.check(f"each of {', '.join(_PARTS)} hung once", [each.part for each in seen] == list(_PARTS))


async def _hang(service: Supervised, part: str) -> Seen:
    ready, began = service.times_ready(part), perf_counter()
    hung = service.pause(part)

    async def replaced() -> bool:
        return service.times_ready(part) > ready and service.pid(part) != hung

    try:
        await soon(replaced, every=_BETWEEN_LOOKS)
    except NotInTime:
        return Seen(part, None, named=False)
    return Seen(part, perf_counter() - began, f"{part} hangs" in service.said)
