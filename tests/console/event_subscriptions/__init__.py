"""Event subscriptions in the API, for tests of their pages."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common import contexts
from domain.event_delivery.subscriptions import Attempt
from stores.event_delivery.attempts import AttemptStore
from stores.event_delivery.tables import EVENT, EVENT_HELD, EVENT_SUBSCRIPTION
from tests.console.browser import Pages

API = "/eventSubscriptions"
PATH = "/event-subscriptions"
NOON = datetime(2026, 11, 28, 3, tzinfo=UTC)
"""Noon in Seoul."""
URL = "https://billing.example/events"


async def subscribed(pages: Pages, **changes: Any) -> str:
    """Make a subscription by the API. Returns its id."""
    answer = await pages.service.http.post(API, json={"name": "billing", "url": URL} | changes)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["eventSubscriptionId"])


async def facts(pages: Pages, id_: str) -> dict[str, Any]:
    """Return a subscription as the API has it."""
    found: dict[str, Any] = (await pages.service.http.get(f"{API}/{id_}")).json()
    return found


async def every(pages: Pages) -> list[dict[str, Any]]:
    """Return all subscriptions."""
    found: list[dict[str, Any]] = (await pages.service.http.get(API)).json()["items"]
    return found


async def stand(pages: Pages, id_: str, **columns: Any) -> None:
    """Let a subscription stand as a delivery leaves it."""

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(
            update(EVENT_SUBSCRIPTION).where(EVENT_SUBSCRIPTION.c.subscription_id == id_).values(**columns)
        )

    async with pages.service.opened(contexts.EVENT_DELIVERY) as database:
        await database.transact(work)


async def hold(pages: Pages, id_: str, *order_ids: str, sequence: int = 0) -> None:
    """Let orders be held, the first of them for the longest time. The first is parked.

    Args:
        pages: The console.
        id_: The subscription.
        order_ids: The orders.
        sequence: Number of the event that holds the first. The others follow.
    """
    rows = [
        {
            "subscription_id": id_,
            "subject": order_id,
            "sequence": sequence + number,
            "event_id": f"{order_id}-0-abc",
            "since": NOON.replace(minute=number),
            "attempts": 3,
            "last_status": 422,
            "retry_at": NOON if number else None,
        }
        for number, order_id in enumerate(order_ids)
    ]

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(insert(EVENT_HELD), rows)

    async with pages.service.opened(contexts.EVENT_DELIVERY) as database:
        await database.transact(work)


async def log(pages: Pages, order_id: str, *numbers: int) -> None:
    """Let events of an order be in the log."""
    rows = [
        {
            "sequence": number,
            "event_id": f"event-{number}",
            "source": contexts.ORDER_STATUS,
            "subject": order_id,
            "type": "orders.InstallationAccepted",
            "at": NOON,
            "document": "{}",
            "appended_at": NOON,
        }
        for number in numbers
    ]

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(insert(EVENT), rows)

    async with pages.service.opened(contexts.EVENT_DELIVERY) as database:
        await database.transact(work)


async def attempt(pages: Pages, *attempts: Attempt) -> None:
    """Store attempts."""
    async with pages.service.opened(contexts.EVENT_DELIVERY) as database:
        for each in attempts:
            await AttemptStore(database).add(each)
