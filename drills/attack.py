"""Drill: attackers try to take the API down, with and without tokens. The others do not notice it.

The service runs as with `AUTH_REQUIRED=1 make run`. While its users place orders and have them installed, attackers
send costly requests at once, pipeline requests, do not read answers, or send requests that never end.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from random import Random
from time import monotonic

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from drills.attack_costs import Cost, costs
from drills.attack_waves import EVERYTHING, QUICK, Requests, Scale, Wave, Waves
from drills.crowd import Crowd
from drills.drill import Drill, Options, Row
from drills.health_watch import HealthWatch, Look
from drills.people import people
from drills.unbounded import BOUNDS
from harness.release_before import NotTried
from harness.supervised import Supervised, supervised
from harness.waiting import soon
from supervisor.process import answers

FAULTS = {name: f"no bound for {bound.what}" for name, bound in BOUNDS.items()}
_ALIVE_WITHIN = 1.0
"""Seconds for an answer to `/health/live`."""
_GROWTH = 1.5
"""Largest ratio of the API's memory to that after the warm-up."""
_LARGEST_REFUSAL = 16 * 1024
_MOST_ERRORS = 10
_CONNECTIONS = 200
"""Connections of an address."""
_ANONYMOUS_RATE = 300
"""Requests of an address in a minute without a good token, and as many at once."""
_TIMES_AS_COSTLY = 5.0
"""Largest ratio of the API's processor time for a costly request to that for a page of orders."""
_LOOKS_IN_A_ROW = 10
"""Looks in each of which a number of connections was seen: a connection that is refused is closed in less time."""
_STARVED = 1.0
"""Seconds without a processor by which a look shows that the machine had too much to do."""
_SETTLED_WITHIN = 180.0
_BETWEEN_LOOKS = 0.2


@dataclass
class Seen:
    """Observations."""

    waves: list[tuple[Wave, Sequence[Look]]] = field(default_factory=list)
    """Each wave, and the looks at the API from its beginning until it was ready for the next one."""
    resident: float = 0.0
    """MiB of the API's memory after the warm-up."""
    usual: float = 0.0
    """Seconds for an answer to `/health/live` while as many ask for what they may ask for."""
    costs: Sequence[Cost] = ()
    """What costly requests cost while nobody else asks."""
    deaths: Sequence[str] = ()
    """What the supervisor says of the deaths of the API."""
    slow_loops: float = 0
    """How often the event loop was late by more than `_ALIVE_WITHIN`."""

    @property
    def looks(self) -> Sequence[Look]:
        """All looks."""
        return [look for _, looks in self.waves for look in looks]

    @property
    def starved(self) -> float:
        """Seconds for which the machine had no processor for the API during one look."""
        return max((look.starved for look in self.looks), default=0.0)


async def run(options: Options) -> Drill:
    """Attack the service while it is in use.

    Raises:
        NotTried: the machine has too much to do, or is too slow.
    """
    drill, seen = Drill("Attackers, and users who do not notice them"), Seen()
    command = ("-m", "drills.unbounded", options.plant) if options.plant else ("-m", "supervisor")
    scale = QUICK if options.quick else Scale()
    async with supervised(command, {"AUTH_REQUIRED": "1"}, engineers=options.engineers) as service:
        requests = Requests(service)
        program = requests.token("service", "shop", scope=EVERYTHING)
        async with people(service.url, program) as everybody:
            crowd = Crowd([everybody], Random(options.seed), pause=0.2)  # noqa: S311 - chance, not a secret
            async with crowd.at_work(2 if options.quick else 4, drill):
                waves = Waves(service, scale)
                chosen = waves.for_bound(options.plant) if options.quick and options.plant else waves.all()
                await _attack(requests, waves.plain(), chosen, seen, seconds=5 if options.quick else 20)
            seen.deaths = service.deaths("api")
            seen.costs = await costs(service, requests)
            await everybody.accounts.settle(everybody.api, drill, within=_SETTLED_WITHIN)
    judge(drill, seen)
    if not drill.passed and not options.plant and (seen.starved > _STARVED or seen.usual > _ALIVE_WITHIN):
        told = (
            f"the machine had no processor for the API for {seen.starved:.1f} s, and with pages of orders at once "
            f"/health/live was answered after {seen.usual:.1f} s: repeat it when less runs"
        )
        raise NotTried(f"{told}\n\n{drill.report()}")
    return drill


def judge(drill: Drill, seen: Seen) -> None:
    """Check that nobody has noticed the attack, and that each bound was kept."""
    drill.rows += [_row(wave, looks) for wave, looks in seen.waves]
    looks = seen.looks
    longest, unanswered = max(look.own for look in looks), sum(not look.answered for look in looks)
    drill.check(
        f"/health/live was answered {len(looks) - unanswered} of {len(looks)} times, "
        f"at the latest after {longest:.2f} s (and {seen.starved:.2f} s without a processor); "
        f"with pages of orders at once, after {seen.usual:.2f} s",
        not unanswered and longest <= _ALIVE_WITHIN,
    )
    starved = sum(look.starved > _ALIVE_WITHIN / 2 for look in looks)
    late = f"the event loop was late by more than {_ALIVE_WITHIN:g} s {seen.slow_loops:g} times"
    drill.check(f"{late} ({starved} times it had no processor)", seen.slow_loops <= starved)
    peak = max(look.resident for look in looks)
    drill.check(
        f"memory: at most {peak:.0f} MiB, {peak / seen.resident:.2f} times as much as after the warm-up",
        peak <= _GROWTH * seen.resident,
    )
    restarts = sum(wave.restarts for wave, _ in seen.waves)
    told = "".join(f"; {line}" for line in seen.deaths)
    drill.check(f"the API was restarted {restarts} times{told}", not restarts)
    _judge_costs(drill, seen)
    held = max(_held(during, wave.attacker.address) for wave, during in seen.waves)
    drill.check(f"the API held {held} connections of one address; {_CONNECTIONS} may be", held <= _CONNECTIONS)
    left = sum(wave.left for wave, _ in seen.waves)
    drill.check(f"{left} connections of attackers were not closed", not left)
    beyond = max((_beyond_rate(wave) for wave, _ in seen.waves if wave.anonymous), default=0)
    drill.check(
        f"an address without a token got {max(0, beyond):.0f} answers more than {_ANONYMOUS_RATE} at once and a minute",
        beyond <= 0,
    )


def _judge_costs(drill: Drill, seen: Seen) -> None:
    costliest = max(seen.costs, key=lambda cost: cost.times)
    drill.check(
        f"the costliest of {len(seen.costs)} costly requests costs {costliest.times:.1f} times as much as a page of "
        f"orders ({costliest.of})",
        costliest.times <= _TIMES_AS_COSTLY,
    )
    errors = max(cost.errors for cost in seen.costs)
    drill.check(f"the longest refusal names {errors} errors", errors <= _MOST_ERRORS)
    largest = max(
        *(cost.size for cost in seen.costs), *(wave.attacker.answers.largest_refusal for wave, _ in seen.waves)
    )
    drill.check(f"the largest refusal has {largest} bytes", largest <= _LARGEST_REFUSAL)


def _beyond_rate(wave: Wave) -> float:
    """Return the number of answers beyond the limit of an address that are not `429`."""
    given = wave.attacker.answers.statuses
    return given.total() - given[HTTPStatus.TOO_MANY_REQUESTS] - _ANONYMOUS_RATE * (1 + wave.seconds / 60)


def _held(looks: Sequence[Look], address: str) -> int:
    """Return the largest number of connections that the API held of an address for some looks in a row."""
    numbers = [look.held[address] for look in looks]
    rows = [numbers[at : at + _LOOKS_IN_A_ROW] for at in range(max(1, len(numbers) - _LOOKS_IN_A_ROW + 1))]
    return max((min(row) for row in rows if row), default=0)


def _row(wave: Wave, looks: Sequence[Look]) -> Row:
    given = wave.attacker.answers
    told = ", ".join(f"{number} x {status}" for status, number in sorted(given.statuses.items()))
    return {
        "attack": wave.name,
        "s": wave.seconds,
        "answers": told or None,
        "closed without": given.unanswered,
        "held at once": max(look.held[wave.attacker.address] for look in looks),
        "held in the end": wave.left,
        "/health/live within s": max(look.own for look in looks),
        "MiB": max(look.resident for look in looks),
        "restarts": wave.restarts,
    }


async def _attack(requests: Requests, warm_up: Wave, waves: Sequence[Wave], seen: Seen, *, seconds: float) -> None:
    service = requests.service
    ready = partial(answers, f"{service.url}/health/ready")
    with HealthWatch(service) as watch:
        began = monotonic()
        await asyncio.sleep(seconds)
        await warm_up.attack(warm_up)
        looks = await watch.since(began)
        seen.resident, seen.usual = max(look.resident for look in looks), max(look.own for look in looks)
        # Only the loops of which there are looks: these tell whether it was the machine.
        late_before = await _slow_loops(service, requests)
        for wave in waves:
            began, restarted = monotonic(), service.times_restarted("api")
            await wave.attack(wave)
            wave.seconds = monotonic() - began
            # A hung API is noticed and replaced. The next wave meets one that is ready.
            await soon(ready, every=_BETWEEN_LOOKS, what="the API is ready")
            wave.restarts = service.times_restarted("api") - restarted
            seen.waves.append((wave, await watch.since(began)))
        seen.slow_loops = await _slow_loops(service, requests) - late_before


async def _slow_loops(service: Supervised, requests: Requests) -> float:
    """Return how often the API's event loop was late by more than `_ALIVE_WITHIN`."""
    headers = {"Authorization": f"Bearer {requests.token('operator', 'watch')}"}
    async with httpx2.AsyncClient(base_url=service.url, headers=headers, timeout=30) as client:
        text = (await client.get("/metrics")).raise_for_status().text
    counts = {
        sample.labels["le"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "event_loop_delay_seconds_bucket"
    }
    return counts["+Inf"] - counts[str(_ALIVE_WITHIN)]
