"""What a delivery reads and writes. Only the newest run of a subscription writes anything: a number, `run`, decides.

The number rises when a delivery begins, and with every change by a person.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from math import inf
from typing import Any

from sqlalchemy import Integer, and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common.errors import NotFound
from domain.event_delivery.delivery import LoggedEvent
from domain.event_delivery.log import EventFilter
from domain.event_delivery.subscriptions import Attempt, EventSubscription, HeldOrder, SubscriptionState
from stores.common.database import Database
from stores.event_delivery.attempts import as_attempt_values, remove_expired
from stores.event_delivery.log import EventLog
from stores.event_delivery.subscription_rows import as_held_order, as_values, locked
from stores.event_delivery.tables import EVENT, EVENT_ATTEMPT, EVENT_HELD, EVENT_POSITION, EVENT_SUBSCRIPTION

UNATTENDED_AFTER = timedelta(seconds=90)
"""Longer than a delivery takes until the next one begins, unless its consumer fails."""
_CLOCKS_DIFFER_BY = timedelta(minutes=1)
"""At most. What was noted at a later time than this from now, was noted by a clock that was wrong."""
_SEARCHED_AT_ONCE = 100
_WRITTEN = (
    "state",
    "pause_reason",
    "paused_at",
    "delivered",
    "ahead",
    "batches_after",
    "failing_since",
    "forbidden_since",
    "failures",
    "retry_at",
    "last_outcome",
    "last_status",
    "last_delivered_at",
)
"""Members of a subscription that a delivery writes."""

_CHANGE = update(EVENT_SUBSCRIPTION).where(EVENT_SUBSCRIPTION.c.subscription_id == bindparam("of_id"))
_RUNS = select(EVENT_SUBSCRIPTION.c.subscription_id, EVENT_SUBSCRIPTION.c.run)
_HELD = select(EVENT_HELD).where(EVENT_HELD.c.subscription_id == bindparam("of_id"))
_RELEASE = delete(EVENT_HELD).where(
    EVENT_HELD.c.subscription_id == bindparam("of_id"),
    EVENT_HELD.c.subject.in_(bindparam("subjects", expanding=True)),
)
_TRIES = (
    select(EVENT_ATTEMPT.c.event_id, func.max(EVENT_ATTEMPT.c.number).label("number"))
    .where(EVENT_ATTEMPT.c.subscription_id == bindparam("of_id"), EVENT_ATTEMPT.c.at >= bindparam("since"))
    .where(EVENT_ATTEMPT.c.sequence.is_not(None))
    .group_by(EVENT_ATTEMPT.c.event_id)
)
_REQUESTED_AT = select(func.max(EVENT_ATTEMPT.c.at)).where(
    EVENT_ATTEMPT.c.subscription_id == bindparam("of_id"), EVENT_ATTEMPT.c.at < bindparam("before")
)
_OF_ORDER = (
    select(EVENT.c.sequence, EVENT.c.type, EVENT.c.region, EVENT.c.document)
    .where(EVENT.c.subject == bindparam("order_id"), EVENT.c.sequence > bindparam("after"))
    .where(EVENT.c.sequence <= bindparam("up_to"))
    .order_by(EVENT.c.sequence)
    .limit(_SEARCHED_AT_ONCE)
)
_FOLLOWING = (
    select(EVENT.c.sequence, EVENT.c.type, EVENT.c.region, EVENT.c.document)
    .where(EVENT.c.sequence > bindparam("after"), EVENT.c.sequence <= bindparam("far"))
    .order_by(EVENT.c.sequence)
    .limit(bindparam("most", type_=Integer))
    .subquery("following")
)
"""What a statement reads of the log, which may be long: no more than this, however its database plans it."""
# One statement, so that nothing is appended or deleted between the positions and the events.
_NEW = (
    select(EVENT_POSITION.c.sequence.label("last"), EVENT_POSITION.c.pruned, _FOLLOWING)
    .outerjoin_from(
        EVENT_POSITION,
        _FOLLOWING,
        and_(
            _FOLLOWING.c.sequence <= EVENT_POSITION.c.sequence,
            EVENT_POSITION.c.pruned <= bindparam("after"),
            EVENT_POSITION.c.sequence <= bindparam("far"),
        ),
    )
    .order_by(_FOLLOWING.c.sequence)
)
_UNATTENDED = (
    select(EVENT_SUBSCRIPTION.c.subscription_id)
    .where(EVENT_SUBSCRIPTION.c.state != str(SubscriptionState.PAUSED))
    .where(or_(EVENT_SUBSCRIPTION.c.seen_at.is_(None), EVENT_SUBSCRIPTION.c.seen_at < bindparam("seen_before")))
    .where(or_(EVENT_SUBSCRIPTION.c.retry_at.is_(None), EVENT_SUBSCRIPTION.c.retry_at <= bindparam("now")))
)


class Superseded(Exception):
    """The run may write nothing any more: a person has changed the subscription, or a later run has begun."""


@dataclass(frozen=True)
class Begun:
    """Where a run begins."""

    subscription: EventSubscription
    held: Sequence[HeldOrder]
    tries: Mapping[str, int]
    """Number of attempts of each event that was sent since the consumer began to fail."""
    idle: float
    """Seconds since the last request to the consumer began, as far as it was written down."""


@dataclass
class NewEvent:
    """An event with what subscriptions select it by."""

    sequence: int
    type: str
    region: str | None
    document: str

    @cached_property
    def event(self) -> LoggedEvent:
        """The event as deliveries have it."""
        return _event(self.document)


@dataclass(frozen=True)
class Present:
    """What all deliveries of a process look at."""

    last: int
    """The newest position of the log."""
    runs: Mapping[str, int]
    """The newest run of each subscription."""


class DeliveryStore:
    """Stores what was delivered. Every method raises `StoreUnavailable` if the database does not answer."""

    def __init__(
        self, database: Database, log: EventLog, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._log = log
        self._now = now

    async def unattended(self) -> list[str]:
        """Return the ids of subscriptions that may have something to do, but seem to have no delivery at work."""
        now = self._now()
        async with self._database.reading() as connection:
            found = await connection.execute(_UNATTENDED, {"seen_before": now - UNATTENDED_AFTER, "now": now})
            return [*found.scalars()]

    async def present(self, after: int, *, most: int) -> tuple[Present, list[NewEvent] | None]:
        """Return what deliveries look at, and every event after a position.

        Args:
            after: The position.
            most: The largest distance from there to the newest position for which events are read.

        Returns:
            `None` instead of events if they are farther away, not all kept any more, or the position is not reached.
        """
        async with self._database.reading() as connection:
            rows = (await connection.execute(_NEW, {"after": after, "far": after + most, "most": most})).all()
            # Read last, because it decides whether a request may begin.
            runs = {row.subscription_id: row.run for row in (await connection.execute(_RUNS)).all()}
        last, are_kept = int(rows[0].last), rows[0].pruned <= after <= rows[0].last <= after + most
        new = [NewEvent(row.sequence, row.type, row.region, row.document) for row in rows if row.sequence is not None]
        return Present(last, runs), new if are_kept else None

    async def begin(self, subscription_id: str) -> Begun:
        """Begin a run. Earlier ones write nothing from now on.

        Raises:
            NotFound: no subscription has this id.
        """

        async def work(connection: AsyncConnection) -> Begun:
            subscription = await locked(connection, subscription_id)
            subscription.run += 1
            named = {"of_id": subscription_id}
            await connection.execute(_CHANGE, {**named, "run": subscription.run, "seen_at": self._now()})
            held = (await connection.execute(_HELD, named)).all()
            tries: dict[str, int] = {}
            if since := subscription.failing_since:
                rows = (await connection.execute(_TRIES, {**named, "since": since})).all()
                tries = {row.event_id: row.number for row in rows}
            now = self._now()
            before = {**named, "before": now + _CLOCKS_DIFFER_BY}
            requested_at = (await connection.execute(_REQUESTED_AT, before)).scalar()
            idle = inf if requested_at is None else max((now - requested_at).total_seconds(), 0.0)
            return Begun(subscription, [as_held_order(row) for row in held], tries, idle)

        return await self._database.transact(work)

    async def read(self, subscription: EventSubscription, after: int, limit: int) -> tuple[list[LoggedEvent], int]:
        """Return the next events after a position that a subscription selects, and the position that was reached.

        Raises:
            EventsGone: the next events are not kept any more.
        """
        wanted = EventFilter(tuple(subscription.types or ()), tuple(subscription.regions or ()))
        page = await self._log.read(after, wanted, limit)
        return [_event(document) for document in page.documents], page.next

    async def next_of(
        self, subscription: EventSubscription, order_id: str, *, after: int, up_to: int
    ) -> LoggedEvent | None:
        """Return the next event of an order that a subscription selects, or None if there is none up to a position."""
        async with self._database.reading() as connection:
            while True:
                span = {"order_id": order_id, "after": after, "up_to": up_to}
                rows = (await connection.execute(_OF_ORDER, span)).all()
                for row in rows:
                    if subscription.selects(row.type, row.region):
                        return _event(row.document)
                if len(rows) < _SEARCHED_AT_ONCE:
                    return None
                after = rows[-1].sequence

    async def save(
        self,
        subscription: EventSubscription,
        attempts: Sequence[Attempt] = (),
        held: Mapping[str, HeldOrder | None] | None = None,
    ) -> None:
        """Write what a run has done, all or nothing.

        Args:
            subscription: The subscription as it is now, with the number of the run.
            attempts: New attempts.
            held: Held orders that have changed, by id. `None`: the order is not held any more.

        Raises:
            Superseded: this is not the newest run.
        """
        id_, changed = subscription.subscription_id, held or {}
        values = as_values({name: getattr(subscription, name) for name in _WRITTEN})
        rows = [_held_values(id_, order) for order in changed.values() if order is not None]

        async def work(connection: AsyncConnection) -> None:
            try:
                newest = await locked(connection, id_)
            except NotFound:
                raise Superseded("the subscription is deleted") from None
            if newest.run != subscription.run:
                raise Superseded("the subscription was changed")
            await connection.execute(_CHANGE, {"of_id": id_, **values})
            if changed:
                await connection.execute(_RELEASE, {"of_id": id_, "subjects": list(changed)})
            if rows:
                await connection.execute(insert(EVENT_HELD), rows)
            if attempts:
                await remove_expired(connection, id_, self._now())
                await connection.execute(insert(EVENT_ATTEMPT), [as_attempt_values(each) for each in attempts])

        await self._database.transact(work)


def _held_values(subscription_id: str, order: HeldOrder) -> dict[str, Any]:
    return {
        "subscription_id": subscription_id,
        "subject": order.order_id,
        "sequence": order.sequence,
        "event_id": order.event_id,
        "since": order.since,
        "attempts": order.attempts,
        "retry_at": order.retry_at,
        "last_status": order.status,
    }


def _event(document: str) -> LoggedEvent:
    event = json.loads(document)
    at = datetime.fromisoformat(event["time"])
    return LoggedEvent(int(event["sequence"]), event["id"], event["subject"], at, document)
