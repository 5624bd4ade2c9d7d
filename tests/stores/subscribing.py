"""A store of event subscriptions with a log of events, and orders that are held."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, update

from domain.event_delivery.subscriptions import Edge, Start, SubscriptionRequest
from runtime.payload_keys import PayloadKeys
from runtime.secret_seal import SecretSeal, new_secret
from stores.common.database import Database
from stores.event_delivery.subscriptions import SubscriptionStore
from stores.event_delivery.tables import EVENT, EVENT_HELD, EVENT_POSITION

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
FIRST, LAST = 101, 109
"""Numbers of the first and of the last event that is kept."""
KEYS, NEWER = (PayloadKeys({name: bytes([number]) * 32}) for number, name in enumerate("ab"))
REQUEST = SubscriptionRequest("billing", "https://billing.example/events", "service:billing")


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time


async def store_with_log(database: Database, clock: Clock) -> SubscriptionStore:
    """Return a store, and a log that has events 101 to 109, one a minute until noon, of three orders in turns."""
    events = [
        {
            "sequence": number,
            "event_id": f"event-{number}",
            "source": "order-status",
            "subject": f"order-{number % 3}",
            "type": "orders.JoinOrdered" if number < 107 else "orders.JoinCompleted",
            "region": "KR-11",
            "at": NOON,
            "document": "{}",
            "appended_at": NOON - timedelta(minutes=LAST - number),
        }
        for number in range(FIRST, LAST + 1)
    ]
    async with database.writing() as connection:
        await connection.execute(insert(EVENT), events)
        await connection.execute(update(EVENT_POSITION).values(sequence=LAST, pruned=FIRST - 1))
    return SubscriptionStore(database, SecretSeal(KEYS), now=clock)


async def made(store: SubscriptionStore, id_: str = "a", start: Start = Edge.END, **given: Any) -> Any:
    """Make a subscription."""
    request = SubscriptionRequest(**{**vars(REQUEST), **given})
    return (await store.create(id_, request, new_secret(), start=start)).subscription


async def held(database: Database, subject: str, sequence: int) -> None:
    """Let an event hold its order."""
    values = {"sequence": sequence, "event_id": f"event-{sequence}", "since": NOON, "attempts": 3, "retry_at": None}
    async with database.writing() as connection:
        await connection.execute(insert(EVENT_HELD), {"subscription_id": "a", "subject": subject, **values})
