"""The log of events. It has one writer at a time, and numbers events in the order of its commits."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, bindparam, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.event_delivery.log import FOR_EVERYBODY, EventFilter, EventPage, EventsGone, document_of, type_of
from domain.event_delivery.relay import AppendEvents, OutboxEvent
from stores.common.database import Database
from stores.event_delivery.positions import EXTENT, LOCK_LOG
from stores.event_delivery.pruning import prune, without_pruned
from stores.event_delivery.tables import EVENT, EVENT_POSITION, EVENT_SOURCE

DEFAULT_ORIGIN = "urn:subscription-orders"
SEARCHED_AT_ONCE = 2000
"""Events among which one query searches. A filter that selects little must not block other readers."""
_FAMILY = ".*"

_MOVE = update(EVENT_POSITION).values(sequence=bindparam("new_sequence"))
_RENUMBER = _MOVE.where(EVENT_POSITION.c.sequence < bindparam("new_sequence"))
_READ_UP_TO = select(EVENT_SOURCE.c.sequence).where(EVENT_SOURCE.c.source == bindparam("of_source"))
_FIRST_READ = insert(EVENT_SOURCE)
_READ_ON = (
    update(EVENT_SOURCE)
    .where(EVENT_SOURCE.c.source == bindparam("of_source"))
    .values(sequence=bindparam("new_sequence"))
)
_KNOWN = select(EVENT.c.event_id).where(EVENT.c.event_id.in_(bindparam("event_ids", expanding=True)))
_APPEND = insert(EVENT)


class EventLog:
    """Stores the log of events. Every method raises `StoreUnavailable` if the database does not answer."""

    def __init__(
        self,
        database: Database,
        *,
        origin: str = DEFAULT_ORIGIN,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Use the log of a database.

        Args:
            database: The database.
            origin: The name of this installation in its events, a URI.
            now: The clock.
        """
        self._database = database
        self._origin = origin
        self._now = now

    async def position(self, source: str) -> int:
        """Return how far a source has been read. 0: not at all."""
        async with self._database.reading() as connection:
            return await _position(connection, source)

    async def append(self, request: AppendEvents) -> tuple[int, int]:
        """Append events of a source, all or none, unless somebody has moved the source's position meanwhile.

        Events that the log has, or has had, are left out, so that each is appended once, whoever is killed when.

        Returns:
            The position of the source now, and how many events were appended.
        """
        return await self._database.transact(lambda connection: self._append(connection, request))

    async def prune(self, before: datetime) -> int:
        """Delete a batch of the oldest events, as far as they were appended before a time.

        Returns:
            How many rows were deleted. There may be more unless it is 0.
        """
        return await self._database.transact(lambda connection: prune(connection, before, self._now()))

    async def last(self) -> int:
        """Return the newest position. Each number up to it is used, or never will be."""
        async with self._database.reading() as connection:
            return int((await connection.execute(EXTENT)).one().sequence)

    async def read(self, after: int | None, wanted: EventFilter, limit: int) -> EventPage:
        """Return the next events after a position, or (`None`) the oldest ones.

        One call searches a bounded part of the log, so there may be more although the page is not full: it reaches the
        newest position only if `next` is `last`.

        Raises:
            EventsGone: the next events are not kept any more.
            ValueError: the position is beyond the newest one.
        """
        scanned = SEARCHED_AT_ONCE if wanted != EventFilter() else limit
        statement = _page(after or 0, wanted, limit, scanned)
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement)).all()
        first, found = rows[0], [row for row in rows if row.number is not None]
        if after is not None and after < first.pruned:
            raise EventsGone(first.pruned)
        if after is not None and after > first.last:
            raise ValueError("there is no such position yet")
        if len(found) == limit:
            reached = found[-1].number
        elif first.scanned == scanned:
            reached = first.reached
        else:
            reached = first.last
        return EventPage([row.document for row in found], reached, first.last)

    async def renumber(self) -> None:
        """Number events from now on by the clock, above all numbers that were used before the log was restored."""
        async with self._database.writing() as connection:
            await connection.execute(_RENUMBER, {"new_sequence": int(self._now().timestamp() * 1000)})

    async def _append(self, connection: AsyncConnection, request: AppendEvents) -> tuple[int, int]:
        # Other writers wait here until this is committed, so numbers rise in the order of commits.
        await connection.execute(LOCK_LOG)
        position = await _position(connection, request.source)
        if position != request.after:
            return position, 0
        unique = {event.event_id: event for event in request.events}
        known = set((await connection.execute(_KNOWN, {"event_ids": list(unique)})).scalars())
        unknown = [event for event_id, event in unique.items() if event_id not in known]
        new = await without_pruned(connection, request.source, unknown)
        if new:
            last = int((await connection.execute(EXTENT)).one().sequence)
            rows = [self._row(event, request.source, last + number) for number, event in enumerate(new, 1)]
            await connection.execute(_APPEND, rows)
            await connection.execute(_MOVE, {"new_sequence": last + len(new)})
        moved = max(request.after, request.up_to)
        here = {"of_source": request.source, "new_sequence": moved}
        if not (await connection.execute(_READ_ON, here)).rowcount:
            await connection.execute(_FIRST_READ, {"source": request.source, "sequence": moved})
        return moved, len(new)

    def _row(self, event: OutboxEvent, source: str, sequence: int) -> dict[str, Any]:
        return {
            "sequence": sequence,
            "event_id": event.event_id,
            "source": source,
            "subject": event.subject,
            "type": type_of(source, event.event),
            "region": event.region,
            "at": event.at,
            "document": document_of(event, source, sequence, origin=self._origin),
            "appended_at": self._now(),
        }


async def _position(connection: AsyncConnection, source: str) -> int:
    return int((await connection.execute(_READ_UP_TO, {"of_source": source})).scalar() or 0)


def _page(after: int, wanted: EventFilter, limit: int, scanned: int) -> Any:
    """Return one statement, so that events and positions are as of the same moment."""
    part = (
        select(EVENT.c.sequence, EVENT.c.type, EVENT.c.region)
        .where(EVENT.c.sequence > after)
        .order_by(EVENT.c.sequence)
        .limit(scanned)
    )
    extent, searched = part.subquery("extent"), part.subquery("searched")
    found = (
        select(searched.c.sequence.label("number"), EVENT.c.document)
        .join_from(searched, EVENT, EVENT.c.sequence == searched.c.sequence)
        .where(*_conditions(wanted, searched))
        .order_by(searched.c.sequence)
        .limit(limit)
        .subquery("found")
    )
    return (
        select(
            EVENT_POSITION.c.sequence.label("last"),
            EVENT_POSITION.c.pruned,
            select(func.max(extent.c.sequence)).scalar_subquery().label("reached"),
            select(func.count()).select_from(extent).scalar_subquery().label("scanned"),
            found.c.number,
            found.c.document,
        )
        .join_from(EVENT_POSITION, found, found.c.number > EVENT_POSITION.c.pruned, isouter=True)
        .order_by(found.c.number)
    )


def _conditions(wanted: EventFilter, event: Subquery) -> Sequence[ColumnElement[bool]]:
    exact = [name for name in wanted.types if not name.endswith(_FAMILY)]
    families = [name.removesuffix("*") for name in wanted.types if name.endswith(_FAMILY)]
    # `LIKE` would ignore case on SQLite.
    types = [event.c.type.in_(exact), *(func.substr(event.c.type, 1, len(each)) == each for each in families)]
    conditions = [
        *([or_(*types)] if wanted.types else []),
        *([event.c.region.in_(wanted.regions)] if wanted.regions else []),
    ]
    return [or_(event.c.type == FOR_EVERYBODY, and_(*conditions))] if conditions else []
