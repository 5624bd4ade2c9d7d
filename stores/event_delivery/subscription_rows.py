"""Conversions between subscriptions and their rows."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common.errors import NotFound
from domain.event_delivery.answers import Outcome
from domain.event_delivery.subscriptions import (
    EventSubscription,
    HeldOrder,
    PauseReason,
    SubscriptionKind,
    SubscriptionState,
    is_within,
)
from stores.event_delivery.tables import EVENT_SUBSCRIPTION

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
_UNKNOWN = "nothing has this id"


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


async def row_of(connection: AsyncConnection, subscription_id: str) -> Any:
    """Return the row of a subscription.

    Raises:
        NotFound: no subscription has this id.
    """
    return await _row(connection, _ONE, subscription_id)


async def locked(
    connection: AsyncConnection, subscription_id: str, within: frozenset[str] | None = None
) -> EventSubscription:
    """Lock a subscription, and return it.

    Args:
        connection: The transaction.
        subscription_id: The subscription.
        within: The regions to which whoever changes it is limited. Somebody else may have widened the subscription
            since the API looked. `None`: no limit.

    Raises:
        NotFound: no subscription has this id, or it is not about orders of these regions alone.
    """
    subscription = as_subscription(await _row(connection, _LOCKED, subscription_id))
    if within is not None and not is_within(subscription, within):
        raise NotFound(_UNKNOWN)
    return subscription


async def _row(connection: AsyncConnection, statement: Select[Any], subscription_id: str) -> Any:
    row = (await connection.execute(statement, {"of_id": subscription_id})).one_or_none()
    if row is None:
        raise NotFound(_UNKNOWN)
    return row
