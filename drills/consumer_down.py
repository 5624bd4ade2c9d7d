"""Drill: one of two consumers of events is gone for minutes. Afterwards it has every event; the other was not late.

Orders are placed, completed, declined and canceled all the time. Nobody does anything for the consumer that comes back:
the service finds it by itself.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from random import Random
from time import time

from sqlalchemy import select, update

from domain.common import contexts
from drills.accounts import Document
from drills.consumers import Subscriber, subscribed
from drills.crowd import Crowd
from drills.deliveries import account, p95_delay
from drills.drill import Drill, Options
from drills.people import people
from harness.stack import running
from harness.waiting import PATIENCE, NotInTime, last_look
from runtime.settings import Settings
from stores.common.database import Database
from stores.event_delivery.tables import EVENT, EVENT_SUBSCRIPTION

FAULTS = {
    "skipped": "the position of the subscription is moved on by one event",
    "paused": "both subscriptions are paused before the consumer is gone",
}
_BACK_WITHIN = 120.0
"""Seconds after its return in which a consumer has everything, if it was gone for some minutes."""
_OF_ITS_ABSENCE = 0.4
"""The same for a longer absence, as a part of it. The pause before the next try is at most 0.3 of the absence."""
_LATER = 1.5
"""Largest ratio of the other consumer's delays to those before."""
_PATIENCE_WITH_A_FAULT = 10.0


@dataclass(frozen=True)
class Seen:
    """What happened to the two consumers."""

    noticed: bool
    """Whether the service knew that the other one was gone."""
    before: float | None
    """95th percentile of the delays of the consumer that stays, in seconds, while both are there."""
    meanwhile: float | None
    """The same while the other one is gone."""
    missed: int
    """Events that only one of them had when the other one came back."""
    back_after: float | None
    """Seconds until the other one had these, too."""


async def run(options: Options) -> Drill:
    """Kill a consumer under load, and start it again."""
    away = 60 * options.minutes if options.minutes else (3.0 if options.quick else 300.0)
    drill = Drill(f"A consumer of events is gone for {away:g} s")
    async with (
        running("temporal", "migration", "worker", "api", engineers=options.engineers) as stack,
        people(stack.url) as everybody,
        subscribed(stack, everybody.api, "there", "gone") as (there, gone),
    ):
        dice = Random(options.seed)  # noqa: S311 - chance, not a secret
        crowd = Crowd([everybody], dice, 0.1 if options.quick else 1.0)
        async with crowd.at_work(3 if options.quick else 10, drill):
            within = _PATIENCE_WITH_A_FAULT if options.plant else back_within(away)
            seen = await _lose(there, gone, away, within, plant=options.plant)
        judge(drill, seen, back_within(away), enough=not options.quick)
        await everybody.accounts.settle(everybody.api, drill, within=_BACK_WITHIN)
        await account(drill, (there, gone), within=within)
    return drill


def back_within(away: float) -> float:
    """Return the seconds after its return in which a consumer has everything that was away for so many seconds."""
    return max(_BACK_WITHIN, _OF_ITS_ABSENCE * away)


def judge(drill: Drill, seen: Seen, within: float, *, enough: bool) -> None:
    """Check that the consumer has caught up, and that the other one noticed nothing.

    Args:
        drill: Drill that gets the row and the checks.
        seen: Observations.
        within: Seconds in which the consumer has to catch up.
        enough: Whether it lasted long enough to compare delays.
    """
    drill.rows.append(
        {
            "events missed": seen.missed,
            "had them after s": seen.back_after,
            "delay of the other, before, p95 s": seen.before,
            "meanwhile": seen.meanwhile,
        }
    )
    drill.check("the service noticed that a consumer was gone", seen.noticed)
    drill.check(f"the other consumer was sent {seen.missed} events meanwhile", seen.missed > 0)
    after = "not" if seen.back_after is None else f"after {seen.back_after:.1f} s"
    in_time = seen.back_after is not None and seen.back_after <= within
    drill.check(f"whoever came back had them {after}; {within:.0f} s are allowed", in_time)
    if enough:
        times = (seen.meanwhile or 0) / seen.before if seen.before else 0
        drill.check(f"the other one's delay was {times:.2f} times that before", 0 < times <= _LATER)


async def _lose(there: Subscriber, gone: Subscriber, away: float, within: float, *, plant: str | None) -> Seen:
    began = time()
    await asyncio.sleep(away / 3)
    if plant == "paused":
        await asyncio.gather(there.pause(), gone.pause())
    await gone.stack.kill(gone.part)
    left = time()
    await asyncio.sleep(away)
    patience = _PATIENCE_WITH_A_FAULT if plant == "paused" else PATIENCE
    noticed = False
    with suppress(NotInTime):
        await gone.until(_fails, "it is known to be gone", within=patience)
        noticed = True
    missed = await last_look(partial(_missed, there, gone, left), within=patience)
    if plant == "skipped":
        await _skip(gone.stack.settings, gone.subscription_id)
    back = time()
    await gone.stack.start(gone.part)
    back_after = await gone.handles(missed, within=within)
    requests = there.ledger.requests()
    return Seen(noticed, p95_delay(requests, began, left), p95_delay(requests, left, back), len(missed), back_after)


def _fails(view: Document) -> bool:
    return view.get("failing") is not None


async def _missed(there: Subscriber, gone: Subscriber, since: float) -> set[str]:
    """Return the events since a time that only one of them has."""
    has = {request.event_id for request in there.ledger.requests() if request.handled and request.happened >= since}
    return has - gone.ledger.handled()


async def _skip(settings: Settings, subscription_id: str) -> None:
    """Plant the fault. Whatever delivery is at work may write no more."""
    table = EVENT_SUBSCRIPTION.c
    database = Database(settings.database_url(contexts.EVENT_DELIVERY))
    async with database.writing() as connection:
        found = select(table.delivered, table.ahead).where(table.subscription_id == subscription_id)
        row = (await connection.execute(found)).one()
        next_ = select(EVENT.c.sequence).where(
            EVENT.c.sequence > row.delivered, EVENT.c.sequence.not_in(row.ahead or [])
        )
        skipped = (await connection.execute(next_.order_by(EVENT.c.sequence).limit(1))).scalar_one()
        moved = update(EVENT_SUBSCRIPTION).where(table.subscription_id == subscription_id)
        await connection.execute(moved.values(delivered=skipped, run=table.run + 1))
    await database.dispose()
