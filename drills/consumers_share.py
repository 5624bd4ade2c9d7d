"""Drill: three replicas of a consumer share its events behind HAProxy, while one is killed and another one is added.

Each event is confirmed by one replica, and the events of an order come in its order, whichever replica gets them.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from drills.consumers import Subscriber, consumers
from drills.crowd import Crowd
from drills.deliveries import account
from drills.drill import Drill, Options
from drills.people import people
from harness.balancer import balance
from harness.ledger import Request
from harness.ports import free_ports
from harness.stack import running
from harness.waiting import last_look

FAULTS = {"repeated": "the position of the subscription is moved back to the beginning"}
_REPLICAS = 3
_AT_ONCE = 16
"""As many requests as a subscription may send at once: none waits in the balancer."""
_MOST = 4
"""Replicas that run at some time."""
_TURNS = 5
_SETTLED_WITHIN = 120.0
_BETWEEN_LOOKS = 0.2


@dataclass(frozen=True)
class Span:
    """Which replicas run in a span of the drill, and the requests that came in it."""

    name: str
    running: Sequence[str]
    requests: Sequence[Request]

    @property
    def shares(self) -> Counter[str]:
        """Number of events that each replica has confirmed."""
        return Counter(request.replica for request in self.requests if request.handled)


async def run(options: Options) -> Drill:
    """Have replicas share the events of all orders."""
    seconds = 20 * options.minutes if options.minutes else (2.0 if options.quick else 60.0)
    drill = Drill("Replicas of a consumer share its events behind HAProxy")
    async with (
        running("temporal", "migration", "worker", "api", engineers=options.engineers) as stack,
        people(stack.url) as everybody,
        consumers(stack, everybody.api, "shared") as [shared],
    ):
        ports = free_ports(_MOST)
        for number in range(_REPLICAS):
            await shared.run(ports[number], f"-{number}")
        at = [("127.0.0.1", port) for port in ports]
        balancer = await balance(stack, at, running=_REPLICAS, at_once=_AT_ONCE)
        await shared.subscribe(balancer.port)
        dice = Random(options.seed)  # noqa: S311 - chance, not a secret
        crowd = Crowd([everybody], dice, 0.1 if options.quick else 1.0)
        async with crowd.at_work(3 if options.quick else 10, drill):
            spans = await _replace(shared, ports[-1], seconds)
        judge(drill, spans)
        await everybody.accounts.settle(everybody.api, drill, within=_SETTLED_WITHIN)
        if options.plant:
            await shared.handles({request.event_id for request in shared.ledger.requests()})
            await shared.replay()
        await account(drill, [shared], within=_SETTLED_WITHIN)
    return drill


def judge(drill: Drill, spans: Sequence[Span]) -> None:
    """Check that each replica had its share while it ran."""
    for span in spans:
        names = [f"consumer-shared-{number}" for number in range(_MOST)]
        drill.rows.append(
            {"": span.name} | {f"replica {number}": span.shares[name] for number, name in enumerate(names)}
        )
        idle = [name for name in span.running if not span.shares[name]]
        drill.check(
            f"{span.name}: {len(span.running) - len(idle)} replicas share {span.shares.total()} events", not idle
        )


async def _replace(shared: Subscriber, port: int, seconds: float) -> Sequence[Span]:
    """Kill a replica, and then start another one."""
    names = [f"{shared.part}-{number}" for number in range(_MOST)]
    spans = [await _span(shared, "three replicas", names[:_REPLICAS], seconds)]
    await shared.stack.kill(names[0])
    spans.append(await _span(shared, "one was killed", names[1:_REPLICAS], seconds))
    await shared.run(port, f"-{_MOST - 1}")
    spans.append(await _span(shared, "one was added", names[1:], seconds))
    return spans


async def _span(shared: Subscriber, name: str, now: Sequence[str], seconds: float) -> Span:
    """Wait for some seconds, and until so many events have come that each replica has its turn, and has taken it.

    The balancer sends a new replica nothing before two good probes. Meanwhile the others may confirm all of them.
    """
    before, handled = len(shared.ledger.requests()), len(shared.ledger.handled())

    async def enough() -> bool:
        come = len(shared.ledger.handled()) - handled >= _TURNS * len(now)
        return come and all(span().shares[each] for each in now)

    def span() -> Span:
        return Span(name, now, shared.ledger.requests()[before:])

    await asyncio.sleep(seconds)
    await last_look(enough, every=_BETWEEN_LOOKS)
    return span()
