"""Whoever is limited to regions changes no event subscription beyond them, even if it is widened at that moment."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from domain.common import contexts
from domain.common.errors import NotFound
from domain.event_delivery.subscriptions import Edge
from runtime.secret_seal import SecretSeal, new_secret
from stores.common.database import Database
from stores.event_delivery.held_orders import HeldOrderStore
from stores.event_delivery.secrets import SecretStore
from stores.event_delivery.subscriptions import SubscriptionStore
from stores.event_delivery.tables import EVENT_HELD, EVENT_SECRET, EVENT_SUBSCRIPTION
from tests.stores.conftest import Connect
from tests.stores.subscribing import KEYS, Clock, held, made

SEOUL = frozenset({"KR-11"})
BOTH = SEOUL | {"KR-26"}
WIDEN = update(EVENT_SUBSCRIPTION).values(regions=sorted(BOTH))


@pytest.fixture
def context() -> str:
    return contexts.EVENT_DELIVERY


@pytest.fixture
async def acts(
    subscriptions: SubscriptionStore, database: Database, clock: Clock
) -> dict[str, Callable[..., Awaitable[object]]]:
    """Acts on a paused subscription of one region, with a held order. Each changes something."""
    secrets, orders = SecretStore(database, SecretSeal(KEYS), now=clock), HeldOrderStore(database, now=clock)
    await made(subscriptions, regions=sorted(SEOUL))
    await subscriptions.pause("a")
    await held(database, "order-0", 102)
    return {
        "change": lambda **within: subscriptions.change("a", url="https://other.example/", **within),
        "resume": lambda **within: subscriptions.resume("a", **within),
        "replay": lambda **within: subscriptions.replay("a", Edge.BEGINNING, **within),
        "delete": lambda **within: subscriptions.delete("a", **within),
        "replace a secret": lambda **within: secrets.replace("a", new_secret(), timedelta(), **within),
        "retry": lambda **within: orders.retry("a", "order-0", **within),
        "skip": lambda **within: orders.skip("a", "order-0", **within),
    }


ACTS = ("change", "resume", "replay", "delete", "replace a secret", "retry", "skip")


async def stored(database: Database) -> list[list[Any]]:
    async with database.reading() as connection:
        return [
            [tuple(row) for row in (await connection.execute(select(table))).all()]
            for table in (EVENT_SUBSCRIPTION, EVENT_SECRET, EVENT_HELD)
        ]


@pytest.mark.parametrize("name", ACTS)
async def test_an_act_waits_for_who_widens_the_subscription_and_is_refused(
    acts: dict[str, Callable[..., Awaitable[object]]], name: str, database: Database, connect: Connect
) -> None:
    others = connect()
    async with others.writing() as connection:
        await connection.execute(WIDEN)
        act = asyncio.ensure_future(acts[name](within=SEOUL))
        # Time enough for an act that does not wait to look at the regions of before.
        await asyncio.wait([act], timeout=0.3)
        assert not act.done()
    with pytest.raises(NotFound):
        await act
    before = await stored(database)
    with pytest.raises(NotFound):
        await acts[name](within=SEOUL)
    assert await stored(database) == before

    await acts[name](within=BOTH)
    assert await stored(database) != before


@pytest.mark.parametrize("name", ACTS)
async def test_without_a_limit_every_act_counts(
    acts: dict[str, Callable[..., Awaitable[object]]], name: str, database: Database
) -> None:
    before = await stored(database)
    await acts[name]()
    assert await stored(database) != before


async def test_who_is_limited_may_not_pause_what_was_widened(
    subscriptions: SubscriptionStore, database: Database
) -> None:
    await made(subscriptions, regions=sorted(BOTH))
    before = await stored(database)

    with pytest.raises(NotFound):
        await subscriptions.pause("a", within=SEOUL)
    assert await stored(database) == before
    await subscriptions.pause("a", within=BOTH)
    assert await stored(database) != before
