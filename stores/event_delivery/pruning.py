"""Deletes the oldest events of the log, and remembers of each order how far it had come.

An order may be told again after that, from its beginning on. What the log had is no news, and would come after later
events of the order.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.event_delivery.relay import OutboxEvent
from stores.event_delivery.positions import LOCK_LOG
from stores.event_delivery.tables import EVENT, EVENT_POSITION, EVENT_PRUNED

REMEMBERED_FOR = timedelta(days=400)
"""How long the log remembers an order after it has last deleted an event of it."""
_AT_ONCE = 500

_OLDEST = (
    select(EVENT.c.sequence, EVENT.c.source, EVENT.c.subject, EVENT.c.at, EVENT.c.document, EVENT.c.appended_at)
    .order_by(EVENT.c.sequence)
    .limit(_AT_ONCE)
)
_PRUNE = delete(EVENT).where(EVENT.c.sequence <= bindparam("up_to"))
_PRUNED = update(EVENT_POSITION).values(pruned=bindparam("up_to"))
_of_subjects = (EVENT_PRUNED.c.source == bindparam("of_source")) & (
    EVENT_PRUNED.c.subject.in_(bindparam("subjects", expanding=True))
)
_REMEMBERED = select(EVENT_PRUNED.c.subject, EVENT_PRUNED.c.position, EVENT_PRUNED.c.at).where(_of_subjects)
_REPLACE = delete(EVENT_PRUNED).where(_of_subjects)
_REMEMBER = insert(EVENT_PRUNED)
_LONGEST_AGO = select(func.min(EVENT_PRUNED.c.pruned_at))
_FORGET = delete(EVENT_PRUNED).where(EVENT_PRUNED.c.pruned_at == bindparam("longest_ago"))

_Reached = tuple[int, datetime]
"""The last position in an order's history, and the latest time, of events that were deleted."""


async def prune(connection: AsyncConnection, before: datetime, now: datetime) -> int:
    """Delete a batch of the oldest events, as far as they were appended before a time.

    Returns:
        How many rows were deleted. There may be more unless it is 0.
    """
    await connection.execute(LOCK_LOG)
    oldest = (await connection.execute(_OLDEST)).all()
    # The clock may have been set back: what follows a younger event is kept with it.
    old = [*takewhile(lambda row: row.appended_at < before, oldest)]
    if old:
        for source in sorted({row.source for row in old}):
            await _remember(connection, source, [row for row in old if row.source == source], now)
        await connection.execute(_PRUNE, {"up_to": old[-1].sequence})
        await connection.execute(_PRUNED, {"up_to": old[-1].sequence})
    return len(old) + await _forget(connection, now - REMEMBERED_FOR)


async def without_pruned(
    connection: AsyncConnection, source: str, events: Sequence[OutboxEvent]
) -> Sequence[OutboxEvent]:
    """Return the events that are not of what was deleted.

    An event is deleted if its order had come to its position, and to its time. The position alone would not do: an
    order that was reset has other events at the same positions, at a later time. Nor would the time, if a clock was
    wrong.
    """
    if not events:
        return events
    reached = await _reached(connection, source, {event.subject for event in events})

    def is_new(event: OutboxEvent) -> bool:
        position, at = reached.get(event.subject, (-1, event.at))
        return event.position > position or event.at > at

    return [event for event in events if is_new(event)]


async def _remember(connection: AsyncConnection, source: str, rows: Sequence[Any], now: datetime) -> None:
    subjects = {row.subject for row in rows}
    reached = await _reached(connection, source, subjects)
    for row in rows:
        position = int(json.loads(row.document)["data"]["position"])
        before, at = reached.get(row.subject, (position, row.at))
        reached[row.subject] = max(before, position), max(at, row.at)
    await connection.execute(_REPLACE, {"of_source": source, "subjects": list(subjects)})
    await connection.execute(
        _REMEMBER,
        [
            {"source": source, "subject": subject, "position": position, "at": at, "pruned_at": now}
            for subject, (position, at) in reached.items()
        ],
    )


async def _reached(connection: AsyncConnection, source: str, subjects: set[str]) -> dict[str, _Reached]:
    found = await connection.execute(_REMEMBERED, {"of_source": source, "subjects": list(subjects)})
    return {row.subject: (row.position, row.at) for row in found.all()}


async def _forget(connection: AsyncConnection, before: datetime) -> int:
    """Forget the orders of the batch that was deleted the longest time ago."""
    longest_ago = (await connection.execute(_LONGEST_AGO)).scalar()
    if longest_ago is None or longest_ago >= before:
        return 0
    return (await connection.execute(_FORGET, {"longest_ago": longest_ago})).rowcount
