"""The search finds orders by their customers, which a list does not."""

import unicodedata

import pytest

from domain.common import contexts
from domain.common.reach import Reach
from domain.order_status.view import OrderFilter
from stores.common.database import Database
from stores.order_status.erasure import ErasureStore
from stores.order_status.view import OrderStatusStore
from tests.stores.orders import NOON, listed, order


@pytest.fixture
def context() -> str:
    return contexts.ORDER_STATUS


@pytest.fixture
async def store(database: Database) -> OrderStatusStore:
    store = OrderStatusStore(database, now=lambda: NOON)
    await store.put(
        [
            order("a", customer_name="김하늘", contact_phone="010-1234-5678", region="KR-11"),
            order("b", customer_name="KIM Haneul", contact_phone="+82 10 9876.5432", region="KR-26"),
            order("c", customer_name="100%_real\\", contact_phone="(02) 555/1234", customer_id="c2"),
            order("d", installation_address="부산광역시 5678", region="KR-26"),
            order("e", customer_name=unicodedata.normalize("NFD", "박하늘")),
        ]
    )
    return store


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("하늘", "a e"),
        (unicodedata.normalize("NFD", "하늘"), "a e"),
        ("  김하늘 ", "a"),
        ("kim h", "b"),
        ("KIM  HANEUL", "b"),
        ("Ｋｉｍ", "b"),
        ("%_", "c"),
        ("real\\", "c"),
        ("5678", "a d"),
        ("1234", "a c"),
        ("34-56", "a"),
        ("３４５６", "a"),
        ("010-1234-5678", "a"),
        ("01012345678", "a"),
        ("+82 10-1234-5678", "a"),
        ("010 9876 5432", "b"),
        ("+821098765432", "b"),
        ("025551234", "c"),
        ("567", "d"),
        ("12-3", ""),
        ("5678 동", ""),
        ("--", ""),
        ("테헤란로", "a b c e"),
        ("a", "a b c"),
    ],
)
async def test_q_also_finds_a_name_and_four_or_more_digits_of_a_number(
    store: OrderStatusStore, q: str, found: str
) -> None:
    assert await listed(store, OrderFilter(q=q, finds_customers=True)) == found.split()


@pytest.mark.parametrize("q", ["하늘", "kim h", "1234", "010-1234-5678"])
async def test_the_q_of_a_list_finds_no_customer(store: OrderStatusStore, q: str) -> None:
    assert await listed(store, OrderFilter(q=q)) == []


async def test_all_other_conditions_hold_as_well(store: OrderStatusStore) -> None:
    regional = Reach(regions=frozenset({"KR-26"}))
    assert await listed(store, OrderFilter(q="5678", finds_customers=True, reach=regional)) == ["d"]
    assert await listed(store, OrderFilter(q="1234", finds_customers=True, customer_id="c2")) == ["c"]


async def test_whoever_is_erased_is_not_found(store: OrderStatusStore, database: Database) -> None:
    await ErasureStore(database).erase(["a"])

    for q in ("김하늘", "5678", "010-1234-5678"):
        assert "a" not in await listed(store, OrderFilter(q=q, finds_customers=True))
