"""Subscriptions: where they begin, what a person's acts leave, and that nothing is left out unasked."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from domain.common import contexts
from domain.common.errors import AlreadyExists, IllegalTransition, NotFound
from domain.event_delivery.answers import Failure, Outcome
from domain.event_delivery.log import EventsGone
from domain.event_delivery.subscriptions import (
    Attempt,
    AttemptFilter,
    Edge,
    PauseReason,
    Start,
    SubscriptionFilter,
    SubscriptionRequest,
    SubscriptionState,
    TooManySubscriptions,
)
from runtime.payload_keys import PayloadKeys
from runtime.secret_seal import SecretSeal, SecretUnreadable, new_secret
from stores.common.database import Database
from stores.event_delivery import attempts as event_attempts
from stores.event_delivery.attempts import KEEP_ATTEMPTS_FOR, AttemptStore
from stores.event_delivery.secrets import Resealed, SecretStore
from stores.event_delivery.subscriptions import SubscriptionStore
from stores.event_delivery.tables import EVENT_POSITION, EVENT_SECRET, EVENT_SUBSCRIPTION
from tests.stores.conftest import Connect
from tests.stores.subscribing import FIRST, KEYS, LAST, NEWER, NOON, REQUEST, Clock, held, made


@pytest.fixture
def context() -> str:
    return contexts.EVENT_DELIVERY


@pytest.mark.parametrize(
    ("start", "delivered"),
    [
        (Edge.END, LAST),
        (Edge.BEGINNING, FIRST - 1),
        (FIRST - 1, FIRST - 1),
        (105, 105),
        (LAST, LAST),
        (NOON - timedelta(minutes=2), 106),
        (NOON - timedelta(minutes=1, seconds=59), 107),
        (NOON - timedelta(days=365), FIRST - 1),
        (NOON + timedelta(days=1), LAST),
    ],
)
async def test_a_subscription_begins_where_it_is_told(
    subscriptions: SubscriptionStore, start: Start, delivered: int
) -> None:
    await made(subscriptions, start=start)

    view = await subscriptions.get("a")
    assert (view.subscription.delivered, view.last, view.behind) == (delivered, LAST, LAST - delivered)
    assert view.subscription.state is SubscriptionState.PENDING
    assert [period.expires_at for period in view.secrets] == [None]


async def test_events_that_are_gone_or_not_there_yet_are_said_and_not_left_out(
    subscriptions: SubscriptionStore,
) -> None:
    for start, error in ((FIRST - 2, EventsGone), (0, EventsGone), (LAST + 1, ValueError)):
        with pytest.raises(error):
            await made(subscriptions, start=start)
    with pytest.raises(NotFound):
        await subscriptions.get("a")
    await made(subscriptions, start=Edge.BEGINNING)
    for start in (FIRST - 2, LAST + 1):
        with pytest.raises((EventsGone, ValueError)):
            await subscriptions.replay("a", start)


async def test_limits_hold_for_those_who_come_at_once(subscriptions: SubscriptionStore, connect: Connect) -> None:
    stores = [SubscriptionStore(connect(), SecretSeal(KEYS)) for _ in range(4)]

    created: list[str] = []

    async def attempt(number: int, owner: str) -> bool:
        request = SubscriptionRequest("x", "https://x.example/", owner)
        try:
            await stores[number % 4].create(f"{owner}-{number}", request, new_secret(), most=5, most_of_owner=3)
        except TooManySubscriptions:
            return False
        created.append(f"{owner}-{number}")
        return True

    assert sum(await asyncio.gather(*(attempt(number, "one") for number in range(8)))) == 3
    assert sum(await asyncio.gather(*(attempt(number, "two") for number in range(8)))) == 2
    with pytest.raises(AlreadyExists):
        await subscriptions.create(created[0], REQUEST, new_secret())


async def test_a_change_counts_and_is_noticed(subscriptions: SubscriptionStore, clock: Clock) -> None:
    before = await made(subscriptions, types=["orders.*"], regions=["KR-11"], batch=2)
    await subscriptions.agree("a", REQUEST.url, 60)
    clock.time += timedelta(minutes=1)

    after = (await subscriptions.change("a", name="other", types=None, at_once=1, batch=50)).subscription

    assert (after.name, after.types, after.regions) == ("other", None, ["KR-11"])
    assert (before.batch, after.at_once, after.batch) == (2, 1, 50)
    assert (after.state, after.allowed_rate) == (SubscriptionState.ACTIVE, 60)
    assert after.run > before.run
    assert (after.created_at, after.changed_at) == (NOON, clock.time)
    assert (await subscriptions.change("a")).subscription.run == after.run


async def test_a_new_url_has_to_be_agreed_to(subscriptions: SubscriptionStore) -> None:
    await made(subscriptions)
    await subscriptions.agree("a", REQUEST.url, None)
    same = (await subscriptions.change("a", url=REQUEST.url)).subscription
    assert same.state is SubscriptionState.ACTIVE

    changed = (await subscriptions.change("a", url="https://new.example/")).subscription
    assert changed.state is SubscriptionState.PENDING
    await subscriptions.agree("a", REQUEST.url, None)
    assert (await subscriptions.get("a")).subscription.state is SubscriptionState.PENDING
    await subscriptions.pause("a")
    assert (
        await subscriptions.change("a", url="https://newer.example/")
    ).subscription.pause_reason is PauseReason.BY_PERSON
    assert (await subscriptions.resume("a")).subscription.state is SubscriptionState.PENDING


async def test_who_is_paused_goes_on_where_they_were_or_elsewhere(
    subscriptions: SubscriptionStore, clock: Clock
) -> None:
    await made(subscriptions, start=105)
    await subscriptions.agree("a", REQUEST.url, None)
    paused = (await subscriptions.pause("a")).subscription
    assert (paused.state, paused.pause_reason, paused.paused_at) == ("PAUSED", "BY_PERSON", NOON)
    clock.time += timedelta(minutes=1)
    assert (await subscriptions.pause("a")).subscription == paused

    resumed = (await subscriptions.resume("a")).subscription
    assert (resumed.state, resumed.pause_reason, resumed.paused_at, resumed.delivered) == ("ACTIVE", None, None, 105)
    assert (await subscriptions.resume("a")).subscription == resumed
    with pytest.raises(IllegalTransition):
        await subscriptions.resume("a", Edge.END)
    await subscriptions.pause("a")
    assert (await subscriptions.resume("a", Edge.END)).subscription.delivered == LAST


async def test_who_was_paused_for_too_long_is_told_what_is_gone(
    subscriptions: SubscriptionStore, database: Database
) -> None:
    await made(subscriptions, start=105)
    await subscriptions.pause("a")
    async with database.writing() as connection:
        await connection.execute(update(EVENT_POSITION).values(pruned=106))

    with pytest.raises(EventsGone) as error:
        await subscriptions.resume("a")
    assert error.value.oldest == 106
    assert (await subscriptions.get("a")).subscription.state is SubscriptionState.PAUSED
    assert (await subscriptions.resume("a", Edge.BEGINNING)).subscription.delivered == 106


async def test_a_replay_goes_back_and_leaves_nothing_out(subscriptions: SubscriptionStore, database: Database) -> None:
    await made(subscriptions, start=107)
    await held(database, "order-0", 105)
    await held(database, "order-1", 103)

    with pytest.raises(IllegalTransition):
        await subscriptions.replay("a", Edge.END)
    view = await subscriptions.replay("a", 104)

    assert (view.subscription.delivered, view.held, view.parked) == (104, 1, 1)
    assert view.oldest_held is not None
    assert view.oldest_held.order_id == "order-1"


async def test_two_secrets_count_while_one_replaces_the_other(
    subscriptions: SubscriptionStore, database: Database, clock: Clock
) -> None:
    secrets, hour = SecretStore(database, SecretSeal(KEYS), now=clock), timedelta(hours=1)
    [first, second, third, fourth, last] = [new_secret() for _ in range(5)]
    await subscriptions.create("a", REQUEST, first)
    run = (await subscriptions.get("a")).subscription.run

    assert await secrets.replace("a", second, hour) == NOON + hour
    assert await secrets.keys("a") == [first, second]
    assert (await subscriptions.get("a")).subscription.run > run
    with pytest.raises(AlreadyExists):
        await secrets.replace("a", third, hour)
    clock.time += timedelta(minutes=59)
    assert await secrets.keys("a") == [first, second]
    clock.time += timedelta(minutes=1)
    assert await secrets.keys("a") == [second]
    # The first one's time is over, and shortens nothing.
    assert await secrets.replace("a", third, 2 * hour) == clock.time + 2 * hour
    assert await secrets.keys("a") == [second, third]
    await secrets.replace("a", fourth, timedelta())
    assert await secrets.keys("a") == [fourth]
    await secrets.replace("a", last, timedelta())
    assert await secrets.keys("a") == [last]
    assert [period.expires_at for period in (await subscriptions.get("a")).secrets] == [None]
    with pytest.raises(NotFound):
        await secrets.replace("b", last, hour)


async def test_a_secret_is_sealed_for_its_subscription_and_for_the_newest_key(
    subscriptions: SubscriptionStore, database: Database
) -> None:
    secret = new_secret()
    await subscriptions.create("a", REQUEST, secret)
    both = SecretSeal(PayloadKeys({**NEWER.by_id, **KEYS.by_id}))

    async def sealed() -> str:
        async with database.reading() as connection:
            return str((await connection.execute(select(EVENT_SECRET.c.sealed))).scalar_one())

    assert secret.removeprefix("whsec_") not in await sealed()
    with pytest.raises(SecretUnreadable):
        SecretSeal(KEYS).open("b", await sealed())
    with pytest.raises(SecretUnreadable):
        SecretSeal(NEWER).open("a", await sealed())
    assert await SecretStore(database, both).reseal() == Resealed(1)
    assert await SecretStore(database, both).reseal() == Resealed(0)
    assert await SecretStore(database, SecretSeal(NEWER)).keys("a") == [secret]


async def test_attempts_are_listed_and_forgotten(
    subscriptions: SubscriptionStore, database: Database, clock: Clock
) -> None:
    attempts = AttemptStore(database, now=clock)
    await made(subscriptions)
    for number in range(5):
        clock.time += timedelta(minutes=1)
        outcome = Outcome.REFUSED if number % 2 else Outcome.UNREACHABLE
        failure = None if number % 2 else Failure.TIMED_OUT
        await attempts.add(Attempt(f"attempt-{number}", "a", f"e{number % 2}", clock.time, outcome, 7, failure=failure))

    listed, cursor = [], None
    while True:
        page = await attempts.list("a", AttemptFilter(), limit=2, cursor=cursor)
        listed += page.items
        if (cursor := page.next_cursor) is None:
            break
    assert [attempt.attempt_id for attempt in listed] == [f"attempt-{number}" for number in (4, 3, 2, 1, 0)]
    refused = await attempts.list("a", AttemptFilter(outcome=Outcome.REFUSED, event_id="e1"))
    assert [attempt.attempt_id for attempt in refused.items] == ["attempt-3", "attempt-1"]
    with pytest.raises(NotFound):
        await attempts.list("b", AttemptFilter())
    with pytest.raises(NotFound):
        await attempts.add(Attempt("attempt-b", "b", "e", clock.time))
    clock.time += KEEP_ATTEMPTS_FOR - timedelta(minutes=2)
    kept = await attempts.list("a", AttemptFilter())
    assert [attempt.attempt_id for attempt in kept.items] == ["attempt-4", "attempt-3", "attempt-2"]
    await attempts.add(Attempt("attempt-9", "a", "e", clock.time, Outcome.DELIVERED, 1, status=204))
    left = await attempts.list("a", AttemptFilter())
    assert [attempt.attempt_id for attempt in left.items] == ["attempt-9", "attempt-4", "attempt-3", "attempt-2"]
    assert (left.items[0].status, left.items[0].failure) == (204, None)


async def test_nothing_of_a_deleted_subscription_stays(
    subscriptions: SubscriptionStore, database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_attempts, "_EXPIRED", event_attempts._EXPIRED.limit(3))
    await made(subscriptions)
    await held(database, "order-0", 102)
    await made(subscriptions, "b")
    attempts = AttemptStore(database, now=clock)
    for number in range(7):
        await attempts.add(Attempt(f"{number}", "a", "e", NOON, Outcome.DELIVERED, 1))
    await attempts.add(Attempt("b", "b", "e", NOON, Outcome.DELIVERED, 1))

    await subscriptions.delete("a")

    with pytest.raises(NotFound):
        await attempts.list("a", AttemptFilter())
    assert [await attempts.prune() for _ in range(4)] == [3, 3, 1, 0]
    assert len((await attempts.list("b", AttemptFilter())).items) == 1
    clock.time += KEEP_ATTEMPTS_FOR + timedelta(seconds=1)
    assert await attempts.prune() == 1
    await subscriptions.delete("b")
    async with database.reading() as connection:
        for table in EVENT_SUBSCRIPTION.metadata.sorted_tables:
            if "subscription_id" in table.c:
                assert (await connection.execute(select(table))).all() == [], table.name
    with pytest.raises(NotFound):
        await subscriptions.delete("a")


async def test_a_list_shows_what_the_filter_selects_page_by_page(
    subscriptions: SubscriptionStore, clock: Clock
) -> None:
    for number in range(6):
        clock.time += timedelta(minutes=1)
        regions = [["KR-11"], ["KR-11", "KR-26"], None][number % 3]
        await made(subscriptions, f"s{number}", regions=regions, owner=f"service:{number % 2}")
    await subscriptions.agree("s3", REQUEST.url, None)

    async def listed(**wanted: Any) -> str:
        found, cursor = "", None
        while True:
            page = await subscriptions.list(SubscriptionFilter(**wanted), limit=2, cursor=cursor)
            found += "".join(view.subscription.subscription_id[1:] for view in page.items)
            if (cursor := page.next_cursor) is None:
                return found

    assert await listed() == "012345"
    assert await listed(owner="service:1") == "135"
    assert await listed(state=SubscriptionState.ACTIVE) == "3"
    assert await listed(within=frozenset({"KR-11"})) == "03"
    assert await listed(within=frozenset({"KR-11", "KR-26"})) == "0134"
