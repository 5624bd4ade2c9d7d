"""Every field of an order is in the responses, and every member of a body is in the order."""

from dataclasses import fields
from datetime import date

from api.order_status.schemas import OrderStatusResponse, OrderStatusSummary
from api.orders.schemas import OrderRequest, OrderResponse
from api.security.principals import Role
from api.security.views import ORDER_VIEWS
from domain.order_status.view import OrderView
from domain.orders import Order
from tests.domain.filled import filled
from tests.stores.orders import NOON

NOT_TOLD = {"preferred_visit"}
"""The customer's preference, which is not returned; `visit` is what is booked."""

NOT_TOLD_OF_AN_ENTRY = {"region", "engineer_id", "visit", "round"}
"""What was true after the event: for the events that other systems receive."""


def test_every_field_of_an_order_is_told() -> None:
    assert set(OrderResponse.model_fields) - {"stale"} == {field.name for field in fields(Order)} - NOT_TOLD


def test_the_customer_sees_every_field() -> None:
    view = ORDER_VIEWS[Role.CUSTOMER]

    assert view is not None
    assert view.members(contact=False) == set(OrderStatusResponse.model_fields)


def test_every_field_is_told_as_it_is() -> None:
    order = filled(Order)
    view = OrderView(order, NOON)
    for shown in (OrderResponse.of(order), OrderStatusResponse.of_view(view), OrderStatusSummary.of_view(view)):
        for name in set(type(shown).model_fields) & set(vars(order)):
            told, value = getattr(shown, name), getattr(order, name)
            if isinstance(told, list):
                entries = [{n: v for n, v in vars(one).items() if n not in NOT_TOLD_OF_AN_ENTRY} for one in value]
                assert [vars(one) for one in told] == entries
            else:
                assert told == value if not hasattr(value, "__dataclass_fields__") else vars(told) == vars(value)


def test_an_order_is_what_its_body_says() -> None:
    wanted = filled(Order)
    names = set(OrderRequest.model_fields) - {"order_date"}
    members = {name: getattr(wanted, name) for name in names}
    body = OrderRequest.model_construct(**members, order_date=date(2026, 7, 20))

    order = body.order("order-1", at=NOON)

    assert {name: getattr(order, name) for name in names} == members
    assert (order.order_id, order.order_date, order.version) == ("order-1", "2026-07-20", 0)
    assert body.matches(order)
