"""What is shown of a subscription: itself, and what surrounds it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.event_delivery.subscriptions import EventSubscription, HeldOrder, SubscriptionView
from stores.event_delivery.positions import EXTENT
from stores.event_delivery.secrets import periods
from stores.event_delivery.subscription_rows import as_held_order, as_subscription, row_of
from stores.event_delivery.tables import EVENT_HELD

_HELD = select(EVENT_HELD).where(EVENT_HELD.c.subscription_id.in_(bindparam("ids", expanding=True)))


async def view_of(connection: AsyncConnection, subscription_id: str, now: datetime) -> SubscriptionView:
    """Return a subscription with what surrounds it.

    Raises:
        NotFound: no subscription has this id.
    """
    [view] = await views_of(connection, [as_subscription(await row_of(connection, subscription_id))], now)
    return view


async def views_of(
    connection: AsyncConnection, subscriptions: Sequence[EventSubscription], now: datetime
) -> list[SubscriptionView]:
    """Return subscriptions with what surrounds them."""
    ids = [subscription.subscription_id for subscription in subscriptions]
    last = int((await connection.execute(EXTENT)).one().sequence)
    held: dict[str, list[HeldOrder]] = defaultdict(list)
    for row in (await connection.execute(_HELD, {"ids": ids})).all():
        held[row.subscription_id].append(as_held_order(row))
    secrets = await periods(connection, ids, now)
    return [
        SubscriptionView(
            subscription,
            last,
            secrets[id_],
            held=len(held[id_]),
            parked=sum(order.retry_at is None for order in held[id_]),
            oldest_held=min(held[id_], key=lambda order: order.since, default=None),
        )
        for id_, subscription in zip(ids, subscriptions, strict=True)
    ]
