"""A filled database of an earlier release is migrated, while that release keeps running."""

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, column, inspect, select, table, text

from domain.audit import AccessEntry, AccessFilter, AuditRecord
from domain.common import contexts
from domain.common.times import UNSET
from domain.event_delivery.log import EventFilter
from domain.installation import CancelInstallation, InstallationStatus, OrderDetails
from domain.management_center.assignments import AssignEngineer, CloseAssignment
from domain.management_center.staff import Engineer, Product
from domain.order_status.statistics import DayCounts
from domain.orders import Event, HistoryEntry
from stores.audit.access_log import AccessLogStore
from stores.audit.trail import AuditStore
from stores.common.database import Database
from stores.common.revisions import history
from stores.event_delivery.deliveries import DeliveryStore
from stores.event_delivery.log import EventLog
from stores.installation.details import InstallationDetailsStore
from stores.installation.installations import InstallationStore
from stores.management_center.assignments import ManagementCenterStore
from stores.management_center.calendar_entries import DAYS_OFF
from stores.migration import METADATA, migrate
from stores.order_status.counts import CountStore
from stores.order_status.outbox import OutboxStore
from stores.order_status.tables import ORDER_EVENT
from stores.order_status.view import OrderStatusStore
from tests.databases import POSTGRESQL, SQLITE, Servers, kinds
from tests.eventually import soon
from tests.stores.conftest import OpenDatabase, fresh
from tests.stores.orders import NOON, order
from tests.stores.statements import statements

ACCEPTED = InstallationStatus.ACCEPTED
Rows = dict[str, list[dict[str, Any]]]

AT = "2026-07-01 00:00:00"
_TAKEN = {
    "version": 1,
    "customer_id": "c1",
    "product_id": "2001",
    "product_name": "internet",
    "installation_address": "서울특별시 강남구",
    "order_date": "2026-07-01",
    "status": "JOIN_ORDERED",
    "needs_person": False,
    "history": '[{"event": "JoinOrdered", "at": "2026-07-01T00:00:00Z", "by": "customer:c1"}]',
    "searched": "o1",
    "updated_at": AT,
    "acknowledged_at": AT,
}
IN_USE: dict[str, Rows] = {
    contexts.MANAGEMENT_CENTER: {
        "service_area": [
            {"service_area_id": "moon", "region": "KR-99", "name": "Moon", "local_name": "달", "matches": '["Moon"]'}
        ],
        "engineer": [{"engineer_id": "e1", "name": "김하나", "region": "KR-99", "active": True, "works_from": 600}],
        "assignment": [
            {
                "order_id": "o1",
                "decided_round": 1,
                "address_region": "KR-99",
                "closed": False,
                "engineer_id": "e1",
                "engineer_name": "김하나",
                "region": "KR-99",
                "round": 1,
                "reason": "r",
                "assigned_at": AT,
                "assigned_by": "system",
                "visit_start": AT,
            }
        ],
        "engineer_skill": [{"engineer_id": "e1", "skill": "fibre"}],
        "product": [{"product_id": "p1", "skills": '["fibre"]'}],
        "day_off": [{"day_off_id": "d1", "engineer_id": "e1", "first_day": "2026-08-01", "last_day": "2026-08-02"}],
        "extra_shift": [
            {"extra_shift_id": "s1", "engineer_id": "e1", "first_day": "2026-08-01", "last_day": "2026-08-02"}
        ],
        "booking": [
            {
                "order_id": "o1",
                "engineer_id": "e1",
                "visit_start": AT,
                "seat": 0,
                "visit_end": AT,
                "day": "2026-07-01",
                "region": "KR-99",
                "skills": "[]",
                "stranded": False,
            }
        ],
        "waiting": [
            {"order_id": "o9", "ordered_at": AT, "product_id": "2001", "passed_over": "[]", "enough": False},
        ],
    },
    contexts.INSTALLATION: {
        "installation_order": [{"order_id": "o1", "newest_round": 1, "canceled": False}],
        "installation": [
            {
                "order_id": "o1",
                "round": 1,
                "engineer_id": "e1",
                "engineer_name": "김하나",
                "installation_address": "서울특별시",
                "product_name": "internet",
                "requested_at": AT,
                "status": "ACCEPTED",
                "status_at": AT,
                "visit_start": AT,
                "serials": '["s1"]',
            }
        ],
    },
    contexts.ORDER_STATUS: {
        "order_status": [{"order_id": "o1", **_TAKEN}],
        "order_change": [{"order_id": "o1", "sequence": 0, **_TAKEN}],
    },
    contexts.EVENT_DELIVERY: {
        "event": [
            {
                "sequence": 5,
                "event_id": "e1",
                "source": "order-status",
                "subject": "o1",
                "type": "orders.JoinOrdered",
                "at": AT,
                "document": '{"id": "e1", "sequence": "5", "subject": "o1", "time": "2026-07-01T00:00:00Z"}',
                "appended_at": AT,
            }
        ],
        "event_subscription": [
            {
                "subscription_id": "s1",
                "name": "billing",
                "kind": "webhook",
                "url": "https://billing.example/",
                "at_once": 4,
                "owner": "service:billing",
                "state": "ACTIVE",
                "created_at": AT,
                "changed_at": AT,
                "delivered": 3,
                "run": 0,
                "failures": 0,
            }
        ],
    },
    # Entries that its writer has not chained would be forged.
    contexts.AUDIT: {},
}
"""The rows of a used installation, as far as the revision has columns for them."""
EARLIER = [(context, revision) for context in METADATA for revision in history(context)[:-1]]


def columns(connection: Connection) -> dict[str, list[str]]:
    """Return the columns of every existing table."""
    inspector = inspect(connection)
    return {table: [column["name"] for column in inspector.get_columns(table)] for table in inspector.get_table_names()}


def insert(connection: Connection, rows: Rows, known: dict[str, list[str]]) -> None:
    """Insert rows as a release that knows these columns does."""
    for name in known.keys() & rows.keys():
        into = table(name, *map(column, known[name]))
        for row in rows[name]:
            connection.execute(into.insert(), {key: value for key, value in row.items() if key in known[name]})
    if "order_status" in known:
        connection.execute(text("UPDATE feed_position SET sequence = sequence + 1"))
    if "event" in known:
        connection.execute(text("UPDATE event_position SET sequence = 5, pruned = 3"))


def contents(connection: Connection, known: dict[str, list[str]]) -> set[tuple[str, str]]:
    """Return all rows, with the known columns."""
    return {
        (name, str(row))
        for name, names in known.items()
        if not name.endswith("_revision")
        for row in connection.execute(select(table(name, *map(column, names))))
    }


def another(rows: Rows) -> Rows:
    """Return similar rows, of another order, engineer or area."""
    keys = {"order_id", "engineer_id", "service_area_id", "product_id", "day_off_id", "extra_shift_id", "skill"}
    keys |= {"event_id", "subscription_id"}

    def changed(name: str, value: Any) -> Any:
        return f"{value}-too" if name in keys else value - 1 if name == "sequence" else value

    return {
        name: [{key: changed(key, value) for key, value in row.items()} for row in several]
        for name, several in rows.items()
    }


@pytest.mark.parametrize(("context", "revision"), EARLIER)
async def test_nothing_is_lost_and_the_release_before_goes_on(
    kind: str, context: str, revision: str, servers: Servers, tmp_path: Path, open_database: OpenDatabase
) -> None:
    url = fresh(kind, servers, tmp_path)
    await migrate(context, url, revision)
    before = open_database(url)
    async with before.writing() as connection:
        known = await connection.run_sync(columns)
        await connection.run_sync(insert, IN_USE[context], known)
    async with before.writing() as connection:
        kept = await connection.run_sync(contents, known)
    await migrate(context, url)
    after = open_database(url)
    async with after.writing() as connection:
        assert kept <= await connection.run_sync(contents, known)
        # What the release before writes has no more columns than it knows.
        await connection.run_sync(insert, another(IN_USE[context]), known)
    await WORKS[context](after)


async def the_management_center_works(database: Database) -> None:
    store = ManagementCenterStore(database, now=lambda: NOON)
    for order_id in ("o1", "o1-too"):
        assert (await store.assignment(order_id)).round == 1
    assert (await store.engineer("kr-11-1")) == Engineer("kr-11-1", "김민준 Kim Minjun", "KR-11")
    # A day off of the release before is of the whole day.
    assert {day_off.hours for day_off in (await store.entries(DAYS_OFF)).items} <= {None}
    # Products that the release before has written, or writes now, have no names, and can be ordered.
    products = (await store.products(orderable_only=True)).items
    assert products in ([], [Product("p1", ["fibre"]), Product("p1-too", ["fibre"])])
    # A further round books, and the end frees what is booked.
    outcome = await store.assign_engineer(AssignEngineer("o1", 2, "Seoul", "2001", ["kr-11-1"]))
    assert outcome.assignment is not None
    assert outcome.assignment.visit is not None
    await store.close_assignment(CloseAssignment("o1"))
    again = await store.assign_engineer(AssignEngineer("o2", 1, "Seoul", "2001", ["kr-11-1"]))
    assert again.assignment is not None
    assert again.assignment.visit == outcome.assignment.visit


async def installations_work(database: Database) -> None:
    store = InstallationStore(database)
    for order_id in ("o1", "o1-too"):
        found = await store.newest(order_id)
        assert (found.status, found.region, found.customer_id, found.product_id) == (ACCEPTED, None, None, None)
    # What the release before has left out, or leaves out now, is added; for its columns it is the same row.
    details = InstallationDetailsStore(database)
    assert await details.lacking() == ["o1", "o1-too"]
    await details.add(OrderDetails("o1", "KR-99", "n", "2001", "c1"))
    assert await details.lacking() == ["o1-too"]
    found = await store.newest("o1")
    assert (found.region, found.customer_note, found.product_id, found.customer_id) == ("KR-99", "n", "2001", "c1")
    for order_id in ("o1", "o1-too"):
        await store.cancel(CancelInstallation(order_id), NOON)
        assert (await store.newest(order_id)).status is InstallationStatus.CANCELED


async def the_view_works(database: Database) -> None:
    store, events = OrderStatusStore(database), OutboxStore(database)
    # What the release before has stored, or stores now, is told on request, or with the next version.
    assert (await events.tell_untold(UNSET, None)).told == 2
    async with database.writing() as connection:
        await connection.execute(ORDER_EVENT.delete())
        await connection.execute(text("UPDATE order_status SET last_told = NULL"))
    for order_id in ("o1", "o1-too"):
        known = (await store.get(order_id)).order
        assert known.version == 1
        await store.put([order(order_id, version=2, history=known.history)])
        assert (await store.get(order_id)).order.version == 2
    # What the release before has stored, or stores now, is in the summary at once, and in the counts afterwards.
    assert (await store.summary()).total == 2
    await CountStore(database).recount()
    assert (await store.summary()).total == 2
    assert [(event.subject, event.event) for event in (await events.read(0, 10)).events] == [
        ("o1", "JoinOrdered"),
        ("o1-too", "JoinOrdered"),
    ]
    # The statistics begin with their migration: of an order from before, they count what happens afterwards.
    now = datetime.now(UTC)
    ended = [*(await store.get("o1")).order.history, HistoryEntry(Event.ORDER_CANCELED, now)]
    await store.put([order("o1", version=3, history=ended), order("o3", history=[HistoryEntry("JoinOrdered", now)])])
    [day] = await store.statistics(date.min, date.max)
    assert (day.region, day.counts) == (None, DayCounts(ordered=1, canceled=1))


async def the_audit_works(database: Database) -> None:
    store, access_log = AuditStore(database), AccessLogStore(database)
    head = await store.append([AuditRecord("a1", NOON)])
    assert await store.verify() == head
    await access_log.add([AccessEntry("e1", NOON, people=1, persons=("p",))])
    assert len((await access_log.list(AccessFilter(person="p"), 10)).items) == 1


async def events_are_delivered(database: Database) -> None:
    log = EventLog(database)
    assert len((await log.read(None, EventFilter(), 10)).documents) == 2
    store = DeliveryStore(database, log)
    for subscription_id in await store.unattended():
        subscription = (await store.begin(subscription_id)).subscription
        # A subscription that the release before has made, or makes now, is sent single events.
        assert subscription.batch == 1
        events, reached = await store.read(subscription, subscription.delivered, 10)
        assert (len(events), reached) == (2, 5)
        subscription.delivered, subscription.ahead = 3, [5]
        await store.save(subscription)
        assert (await store.begin(subscription_id)).subscription.ahead == [5]


WORKS = {
    contexts.AUDIT: the_audit_works,
    contexts.MANAGEMENT_CENTER: the_management_center_works,
    contexts.INSTALLATION: installations_work,
    contexts.EVENT_DELIVERY: events_are_delivered,
    contexts.ORDER_STATUS: the_view_works,
}


@pytest.mark.parametrize("kind", [kind for kind in kinds() if kind != SQLITE])
async def test_a_migration_that_has_to_wait_holds_nobody_up(
    kind: str, servers: Servers, tmp_path: Path, open_database: OpenDatabase
) -> None:
    url = fresh(kind, servers, tmp_path)
    context = contexts.INSTALLATION
    await migrate(context, url, "0001")
    # Without the migration's own patience a write would wait behind it for as long as it waits.
    release_before = open_database(url)
    known = {table: list(rows[0]) for table, rows in IN_USE[context].items() if table == "installation_order"}
    async with open_database(url).writing() as long:
        await long.execute(text("SELECT * FROM installation"))
        migrating = asyncio.create_task(migrate(context, url))
        waiting = (
            "SELECT 1 FROM pg_locks WHERE NOT granted"
            if kind == POSTGRESQL
            else "SELECT 1 FROM information_schema.processlist WHERE state LIKE 'Waiting for table metadata lock%'"
        )
        await soon(lambda: asyncio.to_thread(servers[kind].ask, waiting), what="the migration waits")
        async with release_before.writing() as connection:
            await connection.run_sync(insert, IN_USE[context], known)
            await connection.execute(text("SELECT * FROM installation"))
        assert not migrating.done()
    await migrating


@pytest.mark.parametrize("kind", [POSTGRESQL] if POSTGRESQL in kinds() else [])
async def test_an_index_is_made_while_others_write_and_made_anew_where_that_was_interrupted(
    kind: str, servers: Servers, tmp_path: Path
) -> None:
    url = fresh(kind, servers, tmp_path)
    context = contexts.INSTALLATION
    await migrate(context, url, "0001")
    with servers[kind].engine(url.rsplit("/", 1)[1]).connect() as connection:
        connection.execute(text("CREATE INDEX installation_by_visit ON installation (requested_at)"))
        interrupted = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'installation_by_visit'::regclass"
        connection.execute(text(interrupted))
        with statements(Engine) as said:
            await migrate(context, url)
        indexes = {index["name"]: index["column_names"] for index in inspect(connection).get_indexes("installation")}
    assert indexes["installation_by_visit"] == ["visit_start", "order_id", "round"]
    made = [statement for statement in said if statement.startswith("CREATE INDEX")]
    assert made
    assert all(statement.startswith("CREATE INDEX CONCURRENTLY") for statement in made)
