"""Positions in the log: where a subscription begins or goes back to."""

from datetime import datetime

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.event_delivery.log import PositionGone
from domain.event_delivery.subscriptions import Edge, Start
from stores.event_delivery.tables import EVENT, EVENT_POSITION

LOCK_LOG = update(EVENT_POSITION).values(sequence=EVENT_POSITION.c.sequence)
"""Makes everybody wait who appends events. Take this lock before any other."""
EXTENT = select(EVENT_POSITION.c.sequence, EVENT_POSITION.c.pruned)
_FIRST_SINCE = select(func.min(EVENT.c.sequence)).where(EVENT.c.appended_at >= bindparam("since"))


async def position_of(connection: AsyncConnection, start: Start) -> int:
    """Return the position after which a start lies. A time before the oldest event means the oldest event.

    Raises:
        PositionGone: events after the position are not kept any more.
        ValueError: the log has no such position yet.
    """
    extent = (await connection.execute(EXTENT)).one()
    if start is Edge.END:
        return int(extent.sequence)
    if start is Edge.BEGINNING:
        return int(extent.pruned)
    if isinstance(start, datetime):
        first = (await connection.execute(_FIRST_SINCE, {"since": start})).scalar()
        return int(extent.sequence) if first is None else int(first) - 1
    if start < extent.pruned:
        raise PositionGone(int(extent.pruned))
    if start > extent.sequence:
        raise ValueError("there is no such position yet")
    return start
