"""An installation has the region of its order, by which managers of the region see it, in lists and by id."""

import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import ClauseElement, Executable, delete, insert, text
from sqlalchemy.ext.compiler import compiles

from domain.common import contexts
from domain.common.errors import NotFound
from domain.installation import (
    CancelInstallation,
    Installation,
    InstallationStatus,
    OrderDetails,
    RecordAnswer,
    RequestInstallation,
)
from domain.visits import TimeWindow
from stores.common.database import MYSQL, POSTGRESQL, SQLITE, Database
from stores.installation.details import InstallationDetailsStore
from stores.installation.installations import InstallationStore
from stores.installation.lists import WorkList
from stores.installation.rows import requested
from stores.installation.tables import INSTALLATION, INSTALLATION_ORDER

NOON = datetime(2026, 7, 15, 12, tzinfo=UTC)
WEEK = (NOON, NOON + timedelta(days=7))
VISIT = TimeWindow(NOON, NOON + timedelta(hours=2))
REGIONS = ["KR-11", "KR-26", "KR-41"]
STEPS = st.tuples(
    st.sampled_from(["request", "request", "decline", "complete", "cancel", "add"]),
    st.integers(0, 3),
    st.sampled_from([*REGIONS, None]),
)
"""An event, one of four orders, and the region. None: a process of an earlier release does it."""
RANDOM = settings(max_examples=15, suppress_health_check=list(HealthCheck))


@pytest.fixture
def context() -> str:
    return contexts.INSTALLATION


@pytest.fixture
def store(database: Database) -> InstallationStore:
    return InstallationStore(database)


@pytest.fixture
def details(database: Database) -> InstallationDetailsStore:
    return InstallationDetailsStore(database)


def asking(order_id: str, round_: int, region: str | None, engineer_id: str = "e1") -> RequestInstallation:
    known = {"customer_note": "n", "product_id": "2001", "customer_id": "c"} if region else {}
    return RequestInstallation(order_id, round_, engineer_id, "E", "Seoul", visit=VISIT, region=region, **known)


async def listed(store: InstallationStore, limit: int, **wanted: Any) -> list[tuple[str, int, str | None]]:
    found: list[Installation] = []
    cursor = None
    while True:
        page = await store.list(limit=limit, cursor=cursor, **wanted)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return [(one.order_id, one.round, one.region) for one in found]


async def reached(store: InstallationStore, regions: Collection[str]) -> dict[str, int]:
    """Return the orders that the managers of these regions find by id, and the round that they find."""
    found = {}
    for number in range(4):
        with suppress(NotFound):
            newest = await store.newest(f"o{number}", regions=regions)
            found[newest.order_id] = newest.round
    return found


async def test_an_installation_keeps_what_it_is_told_of_its_order(store: InstallationStore) -> None:
    await store.request(
        RequestInstallation("o1", 1, "e1", region="KR-11", customer_note="2층 😀", product_id="p"), NOON
    )
    await store.cancel(CancelInstallation("o2", region="KR-26", customer_note="3층", product_id="q"), NOON)
    for order_id, told in (("o1", ("KR-11", "2층 😀", "p")), ("o2", ("KR-26", "3층", "q"))):
        found = await store.newest(order_id)
        assert (found.region, found.customer_note, found.product_id) == told


async def test_a_region_that_is_named_twice_counts_once(store: InstallationStore) -> None:
    await store.request(asking("o1", 1, "KR-11"), NOON)
    await store.request(asking("o2", 1, "KR-26"), NOON)

    for span in (None, WEEK):
        assert await listed(store, 10, span=span, regions=["KR-11", "KR-11"]) == [("o1", 1, "KR-11")]
        both = [("o1", 1, "KR-11"), ("o2", 1, "KR-26")]
        assert await listed(store, 10, span=span, regions=["KR-26", "KR-11", "KR-26"]) == both


async def test_every_round_has_the_region_that_the_order_has_by_now(store: InstallationStore) -> None:
    for round_, region in enumerate(("KR-11", "KR-26"), start=1):
        await store.request(asking("o1", round_, region), NOON)
        assert [region for _, _, region in await listed(store, 10)] == [region] * round_
        assert [await reached(store, {other}) for other in REGIONS] == [
            {"o1": round_} if other == region else {} for other in REGIONS
        ]
    # A late request of an earlier round, and a repeated one, change nothing newer.
    await store.request(asking("o1", 1, "KR-11"), NOON)
    await store.request(asking("o1", 2, "KR-11"), NOON)
    assert {region for _, _, region in await listed(store, 10)} == {"KR-26"}
    await store.cancel(CancelInstallation("o1", region="KR-41"), NOON)
    assert {region for _, _, region in await listed(store, 10)} == {"KR-41"}
    await store.cancel(CancelInstallation("o1", region="KR-11"), NOON)
    assert {region for _, _, region in await listed(store, 10)} == {"KR-41"}


async def test_what_an_earlier_release_has_requested_is_for_those_of_no_region_until_it_is_told(
    store: InstallationStore, details: InstallationDetailsStore
) -> None:
    await store.request(asking("o1", 1, None), NOON)
    assert await listed(store, 10) == [("o1", 1, None)]
    assert await listed(store, 10, engineer_id="e1") == [("o1", 1, None)]
    assert await listed(store, 10, regions=REGIONS) == []
    assert await reached(store, REGIONS) == {}

    assert await details.lacking() == ["o1"]
    before = await store.newest("o1")
    await details.add(OrderDetails("o1", "KR-26", "2층", "2001", "c1"))

    assert await listed(store, 10, regions=REGIONS) == [("o1", 1, "KR-26")]
    assert await details.lacking() == []
    told = await store.newest("o1")
    before.region, before.customer_note, before.product_id, before.customer_id = "KR-26", "2층", "2001", "c1"
    assert told == before


async def test_only_what_is_open_and_lacks_it_is_told_and_nothing_else_changes(
    store: InstallationStore, details: InstallationDetailsStore
) -> None:
    for order_id in ("canceled", "completed", "erased"):
        await store.request(asking(order_id, 1, None), NOON)
    await store.cancel(CancelInstallation("canceled"), NOON)
    await store.complete(RecordAnswer("completed", 1, NOON))
    await store.cancel(CancelInstallation("erased"), NOON)
    await store.erase(["erased"])
    await store.request(asking("known", 1, "KR-11"), NOON)
    before = (await store.list()).items

    assert await details.lacking() == []
    for order_id in ("canceled", "completed", "erased", "known", "unknown"):
        await details.add(OrderDetails(order_id, "KR-26", "too late", "2002"))

    assert (await store.list()).items == before


async def test_a_round_that_an_earlier_release_requests_beside_this_one_follows_its_order(
    store: InstallationStore, details: InstallationDetailsStore
) -> None:
    await store.request(asking("o1", 1, "KR-11"), NOON)
    await store.request(asking("o1", 2, None), NOON)
    assert await details.lacking() == ["o1"]

    await details.add(OrderDetails("o1", "KR-26", "n", "2001"))

    assert await listed(store, 10) == [("o1", 1, "KR-26"), ("o1", 2, "KR-26")]


async def test_what_lacks_it_is_found_some_at_once(
    store: InstallationStore, details: InstallationDetailsStore, database: Database
) -> None:
    async with database.writing() as connection:
        rows = [requested(asking(f"o{number:03}", 1, None), NOON) for number in range(150)]
        await connection.execute(insert(INSTALLATION), rows)
    first = await details.lacking()
    rest = await details.lacking(first[-1])
    assert [*first, *rest] == [f"o{number:03}" for number in range(150)]
    assert len(first) == 100
    assert await details.lacking(rest[-1]) == []


@RANDOM
@given(steps=st.lists(STEPS, max_size=15), limit=st.integers(2, 5))
async def test_whatever_happens_a_list_and_an_id_show_the_same(
    database: Database, steps: list[tuple[str, int, str | None]], limit: int
) -> None:
    store, details = InstallationStore(database), InstallationDetailsStore(database)
    async with database.writing() as connection:
        for table in (INSTALLATION, INSTALLATION_ORDER):
            await connection.execute(delete(table))
    orders = [f"o{number}" for number in range(4)]
    rounds = dict.fromkeys(orders, 0)
    for number, (step, which, region) in enumerate(steps):
        order_id, at = orders[which], NOON + timedelta(minutes=number % 7)
        match step:
            case "request":
                rounds[order_id] += 1
                await store.request(asking(order_id, rounds[order_id], region), at)
            case "cancel":
                await store.cancel(CancelInstallation(order_id, region=region), at)
            case "add" if region:
                await details.add(OrderDetails(order_id, region, "n", "2001"))
            case "decline" | "complete" if rounds[order_id]:
                await getattr(store, step)(RecordAnswer(order_id, rounds[order_id], at))
    everything = await listed(store, 200)
    for regions in ({"KR-11"}, {"KR-26", "KR-41"}, set[str]()):
        shown = await listed(store, limit, regions=regions)
        assert shown == [one for one in everything if one[2] in regions]
        for day in ((NOON, NOON + timedelta(days=1)), (NOON + timedelta(days=1), NOON + timedelta(days=2))):
            of_day = await listed(store, limit, regions=regions, span=day)
            assert sorted(of_day) == (sorted(one for one in shown if one[1]) if day[0] == NOON else [])
        assert await listed(store, limit, regions=regions, engineer_id="e1") == [one for one in shown if one[1]]
        newest = {order_id: round_ for order_id, round_, _ in sorted(shown, key=lambda one: one[1])}
        assert await reached(store, regions) == newest


class Explained(Executable, ClauseElement):
    """A statement that returns the database's plan for another one."""

    inherit_cache = False

    def __init__(self, statement: Any) -> None:
        self.statement = statement


@compiles(Explained)
def _explain(explained: Explained, compiler: Any, **options: Any) -> str:
    said = "EXPLAIN" if compiler.dialect.name in (MYSQL, POSTGRESQL, "mariadb") else "EXPLAIN QUERY PLAN"
    return f"{said} {compiler.process(explained.statement, **options)}"


ANALYZE = {SQLITE: "ANALYZE", POSTGRESQL: "ANALYZE installation", MYSQL: "ANALYZE TABLE installation"}


INDEXES: Sequence[tuple[str, dict[str, Any]]] = [
    ("installation_by_region", {}),
    ("installation_by_region_and_status", {"status": InstallationStatus.REQUESTED}),
    ("installation_by_region_and_visit", {"span": WEEK}),
    ("installation_by_region_and_visit", {"span": (NOON, None)}),
    ("installation_by_region_status_and_visit", {"span": WEEK, "status": InstallationStatus.REQUESTED}),
    (
        "installation_by_region_status_and_visit",
        {"span": (None, VISIT.start + timedelta(hours=8)), "status": InstallationStatus.REQUESTED},
    ),
]


async def test_a_page_of_a_region_is_found_by_an_index(database: Database) -> None:
    store = InstallationStore(database)
    rows = []
    for number in range(6000):
        at = timedelta(seconds=10 * number)
        asked = asking(f"o{number:04}", 1, REGIONS[min(number % 20, 2)], f"e{number % 9}")
        asked.visit = TimeWindow(VISIT.start + at, VISIT.end + at)
        status = InstallationStatus.REQUESTED if number // 20 % 4 == 0 else InstallationStatus.COMPLETED
        rows.append(requested(asked, NOON + at) | {"status": status.value})
    async with database.writing() as connection:
        await connection.execute(insert(INSTALLATION), rows)
        await connection.execute(text(ANALYZE[database.dialect]))
    for (index, wanted), regions in product(INDEXES, (["KR-11"], ["KR-11", "KR-26"])):
        first = await store.list(limit=5, regions=regions, **wanted)
        for cursor in (None, first.next_cursor):
            used, said = await plan_of(database, WorkList(regions=regions, **wanted), cursor)
            assert used.count(index) == len(regions), said
            # What is sorted where there are several regions is a page of each.
            assert len(regions) > 1 or not re.search(r"TEMP B-TREE|Sort  |filesort", said), said
    used, said = await plan_of(database, WorkList(status=InstallationStatus.REQUESTED, span=WEEK), None)
    assert used == ["installation_by_status_and_visit"], said


async def plan_of(database: Database, listed: WorkList, cursor: str | None) -> tuple[list[str], str]:
    """Return the indexes that a page uses, and the whole plan."""
    statement = listed.page(limit=5, cursor=cursor, dialect=database.dialect)
    async with database.reading() as connection:
        plan = (await connection.execute(Explained(statement))).all()
    said = "\n".join(map(str, plan))
    if database.dialect == MYSQL:
        return [row.key for row in plan], said
    return re.findall(r"(?:USING INDEX|USING COVERING INDEX|using) (\w+)", said), said
