import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from domain.common import contexts
from domain.common.errors import MalformedCursor, NotFound
from domain.common.reach import Reach
from domain.order_status.view import Need, OrderFilter, OrderView, Sort, Summary
from domain.orders import Attention, AttentionReason, Event, HistoryEntry, Order, OrderStatus
from domain.visits import TimeWindow
from stores.common.database import Database
from stores.order_status.view import OrderStatusStore
from tests.stores.conftest import Connect
from tests.stores.orders import ALL, NOON, changes, listed, order


@pytest.fixture
def context() -> str:
    return contexts.ORDER_STATUS


@pytest.fixture
def store(database: Database) -> OrderStatusStore:
    return OrderStatusStore(database, now=lambda: NOON)


async def test_an_order_reads_as_it_was_stored(store: OrderStatusStore) -> None:
    full = order(
        "o1",
        int(NOON.timestamp() * 1000),
        customer_name="김고객",
        contact_phone="010-1234-5678",
        note="문을 두드려 주세요 😀",
        preferred_visit=NOON + timedelta(days=1),
        status=OrderStatus.INSTALLATION_REQUESTED,
        region="KR-11",
        engineer_id="kr-11-1",
        engineer_name="김민준 Kim Minjun",
        visit=TimeWindow(NOON, NOON + timedelta(hours=2)),
        install_completed_at=NOON,
        attention=Attention(AttentionReason.INSTALLATION_UNAVAILABLE, NOON, "detail", "manager:김", NOON),
        history=[HistoryEntry(Event.JOIN_ORDERED, NOON, "customer:c1"), HistoryEntry("Other", NOON, "x", "세부 😀")],
    )
    await store.put([full, order("o2")])
    assert await store.get("o1") == OrderView(full, NOON)
    assert await store.get("o2") == OrderView(order("o2"), NOON)
    assert [change.view.order for change in await changes(store)] == [full, order("o2")]
    relieved = order("o1", full.version + 1)
    await store.put([relieved])
    assert (await store.get("o1")).order == relieved


async def test_an_order_that_nobody_knows_is_not_found(store: OrderStatusStore) -> None:
    with pytest.raises(NotFound):
        await store.get("o1")
    await store.put([])
    assert await store.last_sequence() == 0


@pytest.mark.parametrize("versions", [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 2, 2], [1, 0, 2]])
@pytest.mark.parametrize("at_once", [True, False])
async def test_the_newest_version_stays_whatever_comes_when(
    store: OrderStatusStore, versions: list[int], at_once: bool
) -> None:
    orders = [order("o1", version, note=str(version)) for version in versions]
    for batch in [orders] if at_once else [[one] for one in orders]:
        await store.put([order("other", batch[0].version), *batch])
    assert (await store.get("o1")).order == order("o1", 2, note="2")
    stored = [change.view.order.version for change in await changes(store) if change.view.order.order_id == "o1"]
    rising = [version for i, version in enumerate(versions) if all(version > earlier for earlier in versions[:i])]
    assert stored == ([2] if at_once else rising)


async def test_versions_put_at_the_same_time_end_with_the_newest(connect: Connect) -> None:
    stores = [OrderStatusStore(connect(pool_size=3)) for _ in range(3)]
    puts = [stores[number % 3].put([order(f"o{number % 4}", (7 * number) % 24)]) for number in range(24)]
    await asyncio.gather(*puts)
    for number in range(4):
        newest = max((7 * n) % 24 for n in range(24) if n % 4 == number)
        assert (await stores[0].get(f"o{number}")).order.version == newest
        stored = [c.view.order.version for c in await changes(stores[0]) if c.view.order.order_id == f"o{number}"]
        assert stored == sorted(set(stored))
        assert stored[-1] == newest


async def test_one_order_that_cannot_be_stored_keeps_back_the_others(store: OrderStatusStore) -> None:
    broken = order("o2", product_name=None)
    with pytest.raises(IntegrityError):
        await store.put([order("o1"), broken])
    assert await listed(store) == []
    assert await store.last_sequence() == 0


async def test_a_list_has_no_history(store: OrderStatusStore) -> None:
    await store.put([order("o1")])
    page = await store.list(ALL, Sort.ORDER_DATE, False, 10)
    assert page.items[0].order.history == []


async def test_each_filter_finds_what_it_says_and_together_they_find_what_meets_all(store: OrderStatusStore) -> None:
    attention = Attention(AttentionReason.NO_ENGINEER, NOON)
    elsewhere = Attention(AttentionReason.NO_SERVICE_AREA, NOON)
    await store.put(
        [
            order("a", status=OrderStatus.JOIN_ORDERED, region="KR-11", customer_id="c1", engineer_id="e1"),
            order("b", status=OrderStatus.AWAITING_ENGINEER, region="KR-26", customer_id="c2", attention=attention),
            order("c", status=OrderStatus.JOIN_COMPLETED, region="KR-11", customer_id="c1", engineer_id="e2"),
            order("d", status=OrderStatus.AWAITING_ENGINEER, customer_id="c2", attention=elsewhere),
        ]
    )
    expected = {
        OrderFilter(): "abcd",
        OrderFilter(statuses=("AWAITING_ENGINEER",)): "bd",
        OrderFilter(statuses=("AWAITING_ENGINEER", "JOIN_COMPLETED")): "bcd",
        OrderFilter(regions=("KR-11",)): "ac",
        OrderFilter(regions=("KR-11", "KR-26")): "abc",
        OrderFilter(engineer_id="e1"): "a",
        OrderFilter(customer_id="c2"): "bd",
        OrderFilter(attention="true"): "bd",
        OrderFilter(attention="false"): "ac",
        OrderFilter(attention="NO_SERVICE_AREA"): "d",
        OrderFilter(statuses=("JOIN_ORDERED", "JOIN_COMPLETED"), regions=("KR-11",), engineer_id="e2"): "c",
        OrderFilter(customer_id="c1", attention="true"): "",
        OrderFilter(reach=Reach(customer_id="c1")): "ac",
        OrderFilter(reach=Reach(engineer_id="e2")): "c",
        OrderFilter(reach=Reach(regions=frozenset({"KR-11", "KR-41"}))): "ac",
        OrderFilter(regions=("KR-11", "KR-26"), reach=Reach(regions=frozenset({"KR-26"}))): "b",
        OrderFilter(regions=("KR-11",), reach=Reach(regions=frozenset({"KR-26"}))): "",
        OrderFilter(attention="true", attention_seen=frozenset({"NO_SERVICE_AREA"})): "d",
        OrderFilter(attention="false", attention_seen=frozenset({"NO_SERVICE_AREA"})): "abc",
        OrderFilter(attention="NO_SERVICE_AREA", attention_seen=frozenset({"NO_SERVICE_AREA"})): "d",
        OrderFilter(attention="NO_ENGINEER", attention_seen=frozenset({"NO_SERVICE_AREA"})): "",
    }
    for wanted, found in expected.items():
        for sort in (Sort.ORDER_DATE, Sort.UPDATED_AT):
            assert await listed(store, wanted, sort, limit=1) == list(found)
            assert await listed(store, wanted, sort, descending=True) == list(found[::-1])
        assert [change.view.order.order_id for change in await changes(store, wanted=wanted)] == list(found)


async def test_changes_are_those_of_the_orders_that_are_within_reach_now(store: OrderStatusStore) -> None:
    await store.put([order("moved", version=1, region="KR-11"), order("found", version=1, region=None)])
    await store.put([order("moved", version=2, region="KR-26"), order("found", version=2, region="KR-11")])

    for region, reached in (("KR-11", {("found", 1), ("found", 2)}), ("KR-26", {("moved", 1), ("moved", 2)})):
        found = await changes(store, wanted=OrderFilter(reach=Reach(regions=frozenset({region}))))
        assert {(change.view.order.order_id, change.view.order.version) for change in found} == reached


async def test_an_engineer_gets_the_versions_that_are_theirs_and_the_one_with_which_an_order_leaves_them(
    store: OrderStatusStore,
) -> None:
    def at(version: int, engineer_id: str | None, **more: Any) -> Order:
        return order("o1", version, engineer_id=engineer_id, **more)

    async def got(engineer_id: str, **more: Any) -> list[tuple[int, bool]]:
        wanted = OrderFilter(reach=Reach(engineer_id=engineer_id), **more)
        return [(change.view.order.version, change.left) for change in await changes(store, wanted=wanted)]

    await store.put([at(0, None), order("o2", engineer_id="other")])
    await store.put([at(1, "mine")])
    await store.put([at(2, "mine")])
    assert await got("mine") == [(1, False), (2, False)]
    await store.put([at(3, "other")])
    # As the order is now: its past is no longer shown.
    assert await got("mine") == [(3, True)]
    assert await got("mine", customer_id="nobody") == [(3, True)]
    assert await got("other") == [(0, False), (3, False)]
    await store.put([at(4, None), at(5, "mine")])
    assert await got("other") == [(0, False), (5, True)]
    assert await got("mine") == [(1, False), (2, False), (3, True), (5, False)]
    await store.put([at(6, "mine", status=OrderStatus.INSTALLATION_REQUESTED)])
    assert await got("mine", statuses=("INSTALLATION_REQUESTED",)) == [(3, True), (6, False)]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("zz9", "zz9"),
        (" zz9 ", "zz9"),
        ("zz", ""),
        ("minjun", "zz9"),
        ("KIM MIN", "zz9"),
        ("김민", "zz9"),
        ("테헤란로  1", "zz9"),
        ("ＴＥＨＥＲＡＮ", "b2"),
        ("\u1100\u1175\u11b7", "zz9"),
        ("100%", "b2"),
        ("%", "b2"),
        ("_", "c3"),
        ("É", "c3"),
        ("\\", "c3"),
        ("'", "c3"),
        ("x\n12", ""),
        ("/", ""),
        ("", "b2 c3 zz9"),
    ],
)
async def test_q_finds_an_id_or_a_part_of_a_name_or_an_address(store: OrderStatusStore, q: str, found: str) -> None:
    await store.put(
        [
            order("zz9", engineer_name="김민준 Kim Minjun", installation_address="서울 테헤란로 1"),
            order("b2", engineer_name="x", installation_address="12 Teheran-ro 100%, Seoul"),
            order("c3", installation_address="rue_de_l'é\\cole"),
        ]
    )
    assert await listed(store, OrderFilter(q=q)) == found.split()


async def test_orders_that_need_someone_are_sorted_by_since_when_and_come_before_the_others(
    store: OrderStatusStore,
) -> None:
    for number in (3, 1, 2):
        since = NOON + timedelta(hours=number)
        await store.put([order(f"o{number}", attention=Attention(AttentionReason.NO_ENGINEER, since))])
    await store.put([order("o4"), order("o5")])
    for limit in (1, 2, 3, 4, 5, 6):
        for attention, up, down in (
            (None, ["o1", "o2", "o3", "o4", "o5"], ["o3", "o2", "o1", "o5", "o4"]),
            ("true", ["o1", "o2", "o3"], ["o3", "o2", "o1"]),
            ("false", ["o4", "o5"], ["o5", "o4"]),
        ):
            wanted = OrderFilter(attention=attention)
            assert await listed(store, wanted, Sort.ATTENTION_SINCE, limit=limit) == up
            assert await listed(store, wanted, Sort.ATTENTION_SINCE, descending=True, limit=limit) == down


async def test_a_cursor_of_another_list_is_refused(store: OrderStatusStore) -> None:
    await store.put([order("o1"), order("o2")])
    cursor = (await store.list(ALL, Sort.ORDER_DATE, False, 1)).next_cursor
    assert cursor is not None
    for sort, descending in ((Sort.ORDER_DATE, True), (Sort.UPDATED_AT, False), (Sort.UPDATED_AT, True)):
        with pytest.raises(MalformedCursor):
            await store.list(ALL, sort, descending, 1, cursor)


async def test_the_summary_counts_what_stands_where(store: OrderStatusStore) -> None:
    assert await store.summary() == Summary()
    completed, awaiting = OrderStatus.JOIN_COMPLETED, OrderStatus.AWAITING_ENGINEER
    attention = Attention(AttentionReason.NO_SERVICE_AREA, NOON)
    minute = timedelta(minutes=1)
    acknowledged = Attention(AttentionReason.NO_SERVICE_AREA, NOON - minute, None, "manager:kim", NOON)
    newest = int(NOON.timestamp() * 1000)
    await store.put(
        [
            order("a", status=completed, region="KR-11"),
            order("b", status=completed, region="KR-11"),
            order("c", newest, status=awaiting, region="KR-11", attention=acknowledged),
            order("d", status=completed, region="KR-26"),
            order("e", newest - 60_000, status=awaiting, attention=attention),
        ]
    )
    changed = NOON.replace(microsecond=123_000)
    assert await store.summary() == Summary(
        total=5,
        by_status={"JOIN_COMPLETED": 3, "AWAITING_ENGINEER": 2},
        by_region={"KR-11": {"JOIN_COMPLETED": 2, "AWAITING_ENGINEER": 1}, "KR-26": {"JOIN_COMPLETED": 1}},
        attention=2,
        attention_by_reason={"NO_SERVICE_AREA": Need(2, NOON)},
        oldest_by_status={"AWAITING_ENGINEER": changed - minute},
    )
    assert await store.summary(["KR-11"]) == Summary(
        total=3,
        by_status={"JOIN_COMPLETED": 2, "AWAITING_ENGINEER": 1},
        by_region={"KR-11": {"JOIN_COMPLETED": 2, "AWAITING_ENGINEER": 1}},
        attention=1,
        attention_by_reason={"NO_SERVICE_AREA": Need(1, None)},
        oldest_by_status={"AWAITING_ENGINEER": changed},
    )
    assert (await store.summary(["KR-26"])).oldest_by_status == {}


async def test_each_stored_version_is_told_once_with_a_rising_number(store: OrderStatusStore) -> None:
    await store.put([order("a", 0), order("b", 0)])
    await store.put([order("a", 1, note="n"), order("b", 0)])
    await store.put([order("a", 1)])
    told = await changes(store)
    assert [change.view.order for change in told] == [order("a", 0), order("b", 0), order("a", 1, note="n")]
    assert [change.view.updated_at for change in told] == [NOON] * 3
    numbers = [change.sequence for change in told]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] <= await store.last_sequence()
    assert await changes(store, after=numbers[1]) == told[2:]
    assert list(await store.changes_after(0, ALL, 2)) == told[:2]
    assert list(await store.changes_after(numbers[0], ALL, 9, up_to=numbers[1])) == told[1:2]
    assert await changes(store, after=2**63 - 1) == []


async def test_a_reader_who_follows_the_numbers_misses_nothing_that_commits_late(connect: Connect) -> None:
    writers = [OrderStatusStore(connect(pool_size=4)) for _ in range(3)]
    reader = OrderStatusStore(connect())
    orders = [f"o{number}" for number in range(60)]
    writing = asyncio.gather(
        *(writers[number % 3].put([order(order_id), order(f"{order_id}b")]) for number, order_id in enumerate(orders))
    )
    seen: list[int] = []
    told: set[str] = set()
    while not writing.done() or seen[-1] < await reader.last_sequence():
        for change in await changes(reader, after=seen[-1] if seen else 0):
            seen.append(change.sequence)
            told.add(change.view.order.order_id)
    await writing
    assert seen == sorted(set(seen))
    assert told == {*orders, *(f"{order_id}b" for order_id in orders)}


async def test_changes_are_forgotten_once_they_are_old(database: Database) -> None:
    day = [datetime(2026, 1, 1, tzinfo=UTC)]
    store = OrderStatusStore(database, keep_changes_for=timedelta(days=7), now=lambda: day[0])

    async def put(first: int, last: int) -> None:
        await store.put([order(f"o{number:04}") for number in range(first, last)])

    async def kept() -> list[str]:
        return [change.view.order.order_id for change in await store.changes_after(0, ALL, 5000)]

    await put(0, 1400)
    day[0] += timedelta(days=7)
    await put(1400, 2100)
    assert len(await kept()) == 2100
    day[0] += timedelta(seconds=1)
    await put(2100, 2600)
    assert await kept() == [f"o{number:04}" for number in range(1000, 2600)]
    # Whole portions only: of what is left not all is old enough.
    await put(2600, 3100)
    assert len(await kept()) == 2100
    assert (await store.summary()).total == 3100
