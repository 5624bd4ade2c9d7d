"""The feed of the read model: each stored version of an order, in the order of commits, for whoever may see it."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.order_status.view import FeedEntry, Owner
from stores.order_status.rows import with_history
from stores.order_status.tables import ORDER_CHANGE, ORDER_STATUS

_OWNER = ("order_id", "customer_id", "engineer_id", "region")
_ENTRIES = (
    select(ORDER_CHANGE, *(ORDER_STATUS.c[name].label(f"now_{name}") for name in _OWNER))
    .outerjoin(ORDER_STATUS, ORDER_STATUS.c.order_id == ORDER_CHANGE.c.order_id)
    .where(ORDER_CHANGE.c.sequence > bindparam("after"), ORDER_CHANGE.c.sequence <= bindparam("up_to"))
    .order_by(ORDER_CHANGE.c.sequence)
    .limit(bindparam("at_most"))
)


async def entries(connection: AsyncConnection, after: int, up_to: int, limit: int) -> Sequence[FeedEntry]:
    """Return the kept versions after a sequence number and up to another, with whose their orders are now."""
    found = await connection.execute(_ENTRIES, {"after": after, "up_to": up_to, "at_most": limit})
    return [
        FeedEntry(
            row.sequence,
            with_history(row),
            row.former_engineer_id,
            Owner(*(getattr(row, f"now_{name}") for name in _OWNER)) if row.now_order_id is not None else None,
        )
        for row in found.all()
    ]
