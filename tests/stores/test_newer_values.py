"""Rows of a newer release, during a roll-out: unknown values are read as text, and decide nothing."""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum

import pytest
from sqlalchemy import Column, func, select, update

from domain.common import contexts
from domain.event_delivery.subscriptions import PauseReason, SubscriptionRequest
from domain.installation import CancelInstallation, Installation, InstallationStatus, RecordAnswer, RequestInstallation
from domain.management_center.assignments import AssignEngineer, AssignmentRefusal
from domain.order_status.view import OrderFilter, Sort
from domain.orders import Attention, AttentionReason, Event, HistoryEntry, OrderStatus
from runtime.payload_keys import PayloadKeys
from runtime.secret_seal import SecretSeal
from stores.common.database import Database
from stores.event_delivery.subscriptions import SubscriptionStore
from stores.event_delivery.tables import EVENT_SUBSCRIPTION
from stores.installation.installations import InstallationStore
from stores.installation.tables import INSTALLATION
from stores.management_center.tables import ASSIGNMENT
from stores.migration import METADATA
from stores.order_status.census import OrderCensus
from stores.order_status.erasure import ErasureStore
from stores.order_status.reconciliation import ReconciliationStore
from stores.order_status.view import OrderStatusStore
from tests.stores.center import NOWHERE, Center
from tests.stores.orders import NOON, changes, listed, order

NEWER = "OF_A_NEWER_RELEASE"
CODES: Mapping[str, type[Enum] | None] = {
    "order_status.status": OrderStatus,
    "order_status.attention_reason": AttentionReason,
    "order_count.status": OrderStatus,
    "order_count.reason": AttentionReason,
    "order_change.status": OrderStatus,
    "order_change.attention_reason": AttentionReason,
    "installation.status": InstallationStatus,
    "assignment.refusal": AssignmentRefusal,
    "event_subscription.pause_reason": PauseReason,
}
"""The columns that contain values of enumerations, as text."""
CODE_LENGTH = 40
NO_CODES = ("region", "address_region", "act_id", "attempt_id", "entry_id", "source")
"""Other short columns, which contain no enumeration."""
ANY = OrderFilter()

of_orders = pytest.mark.parametrize("context", [contexts.ORDER_STATUS])
of_installations = pytest.mark.parametrize("context", [contexts.INSTALLATION])
of_assignments = pytest.mark.parametrize("context", [contexts.MANAGEMENT_CENTER])


def test_every_column_with_a_code_is_known() -> None:
    """A column that is added here needs a test below."""
    found = {
        f"{table.name}.{column.name}"
        for metadata in METADATA.values()
        for table in metadata.sorted_tables
        for column in table.columns
        if getattr(column.type, "length", None) == CODE_LENGTH and column.name not in NO_CODES
    }
    assert found == set(CODES)


@of_orders
async def test_an_order_is_read_everywhere_as_it_was_written(database: Database) -> None:
    store, later = OrderStatusStore(database, now=lambda: NOON), NOON + timedelta(days=1)
    newer = order(
        "o1",
        int(NOON.timestamp() * 1000),
        status=OrderStatus(NEWER),
        region="KR-11",
        attention=Attention(AttentionReason(NEWER), NOON),
        history=[HistoryEntry(Event(NEWER), NOON)],
    )
    await store.put([newer, order("o2")])

    assert (await store.get("o1")).order == newer
    page = await store.list(ANY, Sort.ORDER_DATE, False, 10)
    assert [(view.order.order_id, view.order.status) for view in page.items] == [("o1", NEWER), ("o2", "JOIN_ORDERED")]
    assert await listed(store, OrderFilter(statuses=(NEWER,))) == ["o1"]
    assert await listed(store, OrderFilter(attention=NEWER)) == ["o1"]
    assert {change.view.order.status for change in await changes(store)} == {NEWER, "JOIN_ORDERED"}
    summary = await store.summary()
    assert (summary.total, summary.attention) == (2, 1)
    assert summary.by_status == {NEWER: 1, "JOIN_ORDERED": 1}
    assert summary.by_region == {"KR-11": {NEWER: 1}}
    assert (await ReconciliationStore(database).known(["o1"]))["o1"].order.status == NEWER
    # NoCandidate here knows that it has ended: it counts as open, and nothing of it is forgotten.
    assert await ReconciliationStore(database).expired(later) == []
    census = await OrderCensus(database).take()
    assert (census.by_status[NEWER], census.unchanged_since[NEWER]) == (1, NOON.replace(microsecond=123000))
    assert (census.attention, census.unacknowledged_since) == ({NEWER: 1}, {NEWER: NOON})
    assert set(await OrderCensus(database).open_of("c1", 10)) == {"o1", "o2"}
    assert (await ErasureStore(database).orders_of("c1")).open
    await ErasureStore(database).erase(["o1"])
    assert (await store.get("o1")).order.status == NEWER


async def asked_for(store: InstallationStore, database: Database, status: str, order_id: str = "o1") -> Installation:
    """Store an installation in a status, also one of a newer release."""
    await store.request(RequestInstallation(order_id, 1, "e1", "E1", "Seoul"), NOON)
    async with database.writing() as connection:
        await connection.execute(update(INSTALLATION).values(status=status))
    return await store.newest(order_id)


@of_installations
async def test_an_installation_is_read_everywhere_as_it_was_written(database: Database) -> None:
    store = InstallationStore(database)

    installation = await asked_for(store, database, NEWER)

    assert installation.status == NEWER
    assert await store.of_round("o1", 1) == await store.newest("o1", engineer_id="e1") == installation
    assert (await store.list()).items == [installation]
    assert (await store.list(status=InstallationStatus(NEWER))).items == [installation]
    assert await store.request(RequestInstallation("o1", 1, "e1"), NOON) == NEWER


@of_installations
@pytest.mark.parametrize("act", ["accept", "decline", "start"])
async def test_what_does_not_end_an_installation_leaves_a_newer_status_alone(database: Database, act: str) -> None:
    store = InstallationStore(database)
    await asked_for(store, database, NEWER)

    assert await getattr(store, act)(RecordAnswer("o1", 1, NOON)) == NEWER

    assert (await store.newest("o1")).status == NEWER


@of_installations
@pytest.mark.parametrize(
    ("act", "status"), [("complete", "COMPLETED"), ("incomplete", "INCOMPLETE"), ("withdraw", "CANCELED")]
)
async def test_what_ends_an_installation_ends_it_in_a_newer_status_too(
    database: Database, act: str, status: str
) -> None:
    store = InstallationStore(database)
    await asked_for(store, database, NEWER)

    assert await getattr(store, act)(RecordAnswer("o1", 1, NOON)) == status

    assert (await store.newest("o1")).status == status


@of_installations
async def test_no_installation_outlives_its_order_or_its_round_in_a_newer_status(database: Database) -> None:
    store = InstallationStore(database)
    await asked_for(store, database, NEWER)
    await store.request(RequestInstallation("o1", 2, "e2", "E2", "Seoul"), NOON)
    assert (await store.of_round("o1", 1)).status is InstallationStatus.CANCELED

    await asked_for(store, database, NEWER, "o2")
    await store.cancel(CancelInstallation("o2"), NOON)
    assert (await store.newest("o2")).status is InstallationStatus.CANCELED


@of_assignments
async def test_a_refusal_is_answered_as_it_was_decided(database: Database) -> None:
    center = Center(database)
    asked = AssignEngineer("o1", 1, NOWHERE, "2001", ordered_at=center.now)
    assert (await center.store.assign_engineer(asked)).refusal is AssignmentRefusal.NO_SERVICE_AREA
    async with database.writing() as connection:
        await connection.execute(update(ASSIGNMENT).values(refusal=NEWER))

    assert (await center.store.assign_engineer(asked)).refusal == NEWER

    assert await count(database, ASSIGNMENT.c.refusal) == 1


@pytest.mark.parametrize("context", [contexts.EVENT_DELIVERY])
async def test_a_subscription_says_why_it_is_paused_as_it_was_written(database: Database) -> None:
    store = SubscriptionStore(database, SecretSeal(PayloadKeys({"a": bytes(32)})))
    await store.create(
        "s1", SubscriptionRequest("billing", "https://billing.example/", "service:billing"), "whsec_AAAA"
    )
    async with database.writing() as connection:
        await connection.execute(update(EVENT_SUBSCRIPTION).values(state="PAUSED", pause_reason=NEWER))

    assert (await store.get("s1")).subscription.pause_reason == NEWER
    assert await count(database, EVENT_SUBSCRIPTION.c.pause_reason) == 1


async def count(database: Database, column: Column[str]) -> int:
    async with database.reading() as connection:
        return int((await connection.execute(select(func.count()).where(column == NEWER))).scalar_one())
