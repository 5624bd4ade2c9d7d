"""Conversions between subscriptions and their rows, and what is shown of a subscription."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common.errors import NotFound
from domain.event_delivery.answers import Outcome
from domain.event_delivery.subscriptions import (
    EventSubscription,
    HeldOrder,
    PauseReason,
    SubscriptionKind,
    SubscriptionState,
    SubscriptionView,
)
from stores.event_delivery import secrets
from stores.event_delivery.positions import EXTENT
from stores.event_delivery.tables import EVENT_HELD, EVENT_SUBSCRIPTION

MEMBERS = tuple(field.name for field in fields(EventSubscription))
"""The members of a subscription, each of which has a column of the same name."""
_ENUMERATIONS = {
    "kind": SubscriptionKind,
    "state": SubscriptionState,
    "pause_reason": PauseReason,
    "last_outcome": Outcome,
}
_ONE = select(EVENT_SUBSCRIPTION).where(EVENT_SUBSCRIPTION.c.subscription_id == bindparam("of_id"))
_LOCKED = _ONE.with_for_update()
_HELD = select(EVENT_HELD).where(EVENT_HELD.c.subscription_id.in_(bindparam("ids", expanding=True)))


def as_values(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return members as columns have them."""
    return {
        name: str(value) if name in _ENUMERATIONS and value is not None else value for name, value in members.items()
    }


def as_subscription(row: Any) -> EventSubscription:
    """Return the subscription of a row."""
    values = {name: getattr(row, name) for name in MEMBERS}
    known = {name: kind(values[name]) for name, kind in _ENUMERATIONS.items() if values[name] is not None}
    return EventSubscription(**values | known)


def as_held_order(row: Any) -> HeldOrder:
    """Return the held order of a row."""
    return HeldOrder(row.subject, row.event_id, row.since, row.attempts, row.retry_at, row.sequence, row.last_status)


async def row_of(connection: AsyncConnection, subscription_id: str, *, locked: bool = False) -> Any:
    """Return the row of a subscription, and lock it if wanted.

    Raises:
        NotFound: no subscription has this id.
    """
    row = (await connection.execute(_LOCKED if locked else _ONE, {"of_id": subscription_id})).one_or_none()
    if row is None:
        raise NotFound("nothing has this id")
    return row


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
    periods = await secrets.periods(connection, ids, now)
    return [
        SubscriptionView(
            subscription,
            last,
            periods[id_],
            held=len(held[id_]),
            parked=sum(order.retry_at is None for order in held[id_]),
            oldest_held=min(held[id_], key=lambda order: order.since, default=None),
        )
        for id_, subscription in zip(ids, subscriptions, strict=True)
    ]
