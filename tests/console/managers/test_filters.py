"""The filters of the board mean to the console what they mean to the API."""

from itertools import product
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.datastructures import QueryParams

from console.managers.filters import OPEN, Filters
from domain.orders import Attention, Order, OrderStatus
from stores.order_status.view import OrderStatusStore
from tests.console.browser import Pages

ORDERS = [
    Order(f"{status}-{region}-{reason}", status=status, region=region, engineer_id=engineer, attention=attention)
    for (status, engineer), region, reason in product(
        [
            (OrderStatus.JOIN_ORDERED, None),
            (OrderStatus.INSTALLATION_REQUESTED, "kr-11-1"),
            (OrderStatus.JOIN_COMPLETED, "x"),
        ],
        ["KR-11", "KR-26", None],
        [None, "NO_CAPACITY", "VISIT_LOST"],
    )
    for attention in [Attention(reason) if reason else None]
]
QUERIES = [
    "",
    "status=JOIN_ORDERED",
    "status=JOIN_ORDERED&status=JOIN_COMPLETED",
    "region=KR-11",
    "region=KR-11&region=KR-26&status=INSTALLATION_REQUESTED",
    "attention=true",
    "attention=false&region=KR-26",
    "attention=VISIT_LOST",
    "attention=NO_ENGINEER",
    "engineerId=kr-11-1",
    "engineerId=kr-11-1&attention=true&status=JOIN_ORDERED",
]


async def test_an_order_meets_the_filters_if_the_api_lists_it_by_them(bare: Pages) -> None:
    await bare.service.app.state.services.get(OrderStatusStore).put(ORDERS)
    everything = (await bare.service.http.get("/orderStatuses?limit=200")).json()["items"]
    assert len(everything) == len(ORDERS)

    for query in QUERIES:
        listed = (await bare.service.http.get(f"/orderStatuses?limit=200&{query}")).json()["items"]
        filters = Filters.of(QueryParams(query))

        assert {order["orderId"] for order in everything if filters.match(order)} == {
            order["orderId"] for order in listed
        }, query


@pytest.mark.parametrize("query", [*QUERIES, "sort=updatedAt&cursor=abc", "status=a%26b&engineerId=%3F"])
def test_the_address_has_all_filters(query: str) -> None:
    filters = Filters.of(QueryParams(query))

    path = filters.path(cursor=filters.cursor)

    assert parse_qs(urlsplit(path).query) == parse_qs(query)
    assert Filters.of(QueryParams(urlsplit(path).query)) == filters


def test_another_filter_begins_with_the_first_order_again() -> None:
    filters = Filters.of(QueryParams("status=JOIN_ORDERED&sort=updatedAt&cursor=abc"))

    assert filters.path(region=("KR-11",)) == "/board?status=JOIN_ORDERED&region=KR-11&sort=updatedAt"
    assert not Filters(sort="updatedAt", cursor="abc").selective


def test_open_orders_are_those_that_have_not_ended() -> None:
    assert set(OrderStatus) - set(OPEN) == {OrderStatus.JOIN_COMPLETED, OrderStatus.ORDER_CANCELED}
