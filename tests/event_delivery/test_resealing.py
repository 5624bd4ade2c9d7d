"""Secrets do not stay under an older key: a worker encrypts them with the newest one, again and again."""

import asyncio

import pytest
from sqlalchemy import insert, select

from activities.event_delivery import part
from domain.event_delivery.subscriptions import SubscriptionRequest
from harness.waiting import soon
from runtime.payload_keys import PayloadKeys
from runtime.secret_seal import SecretSeal, new_secret
from stores.common.database import Database
from stores.event_delivery.secrets import SecretStore
from stores.event_delivery.subscriptions import SubscriptionStore
from stores.event_delivery.tables import EVENT_SECRET

OLD, NEW = (PayloadKeys({name: bytes([number]) * 32}) for number, name in enumerate(("old", "new")))
BOTH = SecretSeal(PayloadKeys({**NEW.by_id, **OLD.by_id}))


async def subscribe(database: Database, id_: str) -> None:
    """Make a subscription in a process that still uses the old key."""
    request = SubscriptionRequest("billing", f"https://{id_}.example/", "service:billing")
    await SubscriptionStore(database, SecretSeal(OLD)).create(id_, request, new_secret())


async def under_the_old_key(database: Database) -> list[str]:
    """Return the subscriptions whose secret is not encrypted with the newest key."""
    async with database.reading() as connection:
        rows = (await connection.execute(select(EVENT_SECRET).order_by(EVENT_SECRET.c.subscription_id))).all()
    return [row.subscription_id for row in rows if not BOTH.is_newest(row.sealed)]


async def test_a_secret_that_another_process_makes_with_the_old_key_does_not_stay_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part, "_BETWEEN_STARTS", 0.01)
    stop = asyncio.Event()
    resealing = asyncio.create_task(part.keep_resealing(SecretStore(database, BOTH), stop))

    async def none_is_left() -> bool:
        return await under_the_old_key(database) == []

    for id_ in ("a", "b"):
        await subscribe(database, id_)
        await soon(none_is_left)
    stop.set()
    await resealing


async def test_one_that_cannot_be_read_leaves_no_other_under_the_old_key(database: Database) -> None:
    for id_ in ("a", "c"):
        await subscribe(database, id_)
    unknown = SecretSeal(PayloadKeys({"other": bytes(32)})).seal("b", new_secret())
    async with database.writing() as connection:
        row = (await connection.execute(select(EVENT_SECRET).where(EVENT_SECRET.c.subscription_id == "a"))).one()
        await connection.execute(insert(EVENT_SECRET), {**row._asdict(), "subscription_id": "b", "sealed": unknown})

    resealed = await SecretStore(database, BOTH).reseal()

    assert (resealed.secrets, resealed.unreadable) == (2, ["b"])
    assert await under_the_old_key(database) == ["b"]
