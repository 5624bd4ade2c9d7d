"""The feed that one process reads for all listeners: what a filter selects of it is what the store selects itself."""

from dataclasses import replace
from itertools import product
from random import Random

import pytest

from domain.common import contexts
from domain.common.reach import EVERYTHING, Reach
from domain.order_status.view import FeedEntry, OrderFilter
from domain.orders import Attention, AttentionReason, HistoryEntry, Order, OrderStatus
from stores.common.database import Database
from stores.order_status.view import OrderStatusStore
from tests.stores.orders import NOON, changes, order

REGIONS = ("KR-11", "KR-26", None)
ENGINEERS = ("e1", "e2", None)
REASONS = (AttentionReason.NO_CAPACITY, AttentionReason.NO_ENGINEER)
REACHES = (
    EVERYTHING,
    Reach(customer_id="c1"),
    Reach(engineer_id="e1"),
    Reach(regions=frozenset({"KR-11"})),
    Reach(regions=frozenset()),
    Reach(order_id="o2"),
)
FILTERS = (
    OrderFilter(),
    OrderFilter(statuses=(OrderStatus.JOIN_COMPLETED, OrderStatus.ORDER_CANCELED)),
    OrderFilter(regions=("KR-26",)),
    OrderFilter(engineer_id="e2"),
    OrderFilter(customer_id="c2"),
    *(
        OrderFilter(attention=each, attention_seen=seen)
        for each in ("true", "false", REASONS[0])
        for seen in (None, frozenset(REASONS[:1]), frozenset(REASONS[1:]))
    ),
    *(OrderFilter(q=q) for q in (" o2 ", "O2", "김하나", "KIM ha", "서울", "100%", "_", "a\nb", "nobody")),
)


@pytest.fixture
def context() -> str:
    return contexts.ORDER_STATUS


def versions(random: Random) -> list[Order]:
    """Return versions of some orders that change hands, places and customers' needs."""
    found = []
    for version in range(8):
        for number in range(1, 5):
            reason = random.choice([*REASONS, None])
            found.append(
                order(
                    f"o{number}",
                    version,
                    customer_id=f"c{number % 2 + 1}",
                    engineer_id=random.choice(ENGINEERS),
                    engineer_name=random.choice(["김하나 Kim Hana", None]),
                    region=random.choice(REGIONS),
                    status=random.choice([OrderStatus.JOIN_COMPLETED, OrderStatus.INSTALLATION_REQUESTED]),
                    attention=Attention(reason) if reason else None,
                    installation_address=random.choice(["서울특별시 강남구", "Busan 100% Straße_1", "a b"]),
                )
            )
    return found


async def test_what_a_filter_selects_of_the_feed_is_what_the_store_selects(database: Database) -> None:
    store = OrderStatusStore(database)
    for each in versions(Random(7)):  # noqa: S311 - nothing secret
        await store.put([each])
    last = await store.last_sequence()
    entries = await store.feed(0, last, 1000)
    newest = {entry.view.order.order_id: entry for entry in entries}

    found = 0
    for wanted, reach in product(FILTERS, REACHES):
        wanted = replace(wanted, reach=reach)
        selected = [change for entry in entries if (change := entry.seen(wanted, newest[entry.view.order.order_id]))]
        assert selected == await changes(store, wanted=wanted), wanted
        found += len(selected)
    assert found > len(entries)


async def test_an_engineer_gets_each_version_with_what_has_happened_to_the_order_by_now(database: Database) -> None:
    store = OrderStatusStore(database)
    await store.put([order("a", 1, engineer_id="e1"), order("b", 1, engineer_id="e1")])
    done = [HistoryEntry("InstallationCompleted", NOON, "engineer:e1")]
    await store.put([order("a", 2, engineer_id="e1", history=done), order("b", 2, engineer_id="e2")])

    of_engineer = await changes(store, wanted=OrderFilter(reach=Reach(engineer_id="e1")))

    found = [(each.view.order.order_id, each.view.order.version, each.left) for each in of_engineer]
    assert found == [("a", 1, False), ("a", 2, False), ("b", 2, True)]
    assert [each.history_now for each in of_engineer] == [done, done, []]
    assert not any(each.history_now for each in await changes(store))


async def test_the_feed_tells_whose_an_order_is_now_and_is_read_in_parts(database: Database) -> None:
    store = OrderStatusStore(database)
    await store.put([order("a", 1, region="KR-11", engineer_id="e1"), order("b", 1)])
    await store.put([order("a", 2, region="KR-26", engineer_id="e2")])

    entries = await store.feed(0, await store.last_sequence(), 1000)
    assert [(entry.view.order.region, _owner(entry)) for entry in entries] == [
        ("KR-11", ("KR-26", "e2")),
        (None, (None, None)),
        ("KR-26", ("KR-26", "e2")),
    ]
    assert [entry.former_engineer_id for entry in entries] == [None, None, "e1"]
    assert await store.feed(0, entries[1].sequence, 1000) == entries[:2]
    assert await store.feed(entries[0].sequence, entries[2].sequence, 1) == entries[1:2]


def _owner(entry: FeedEntry) -> tuple[str | None, str | None] | None:
    return (entry.owner.region, entry.owner.engineer_id) if entry.owner else None
