"""The managers' view of the orders (진행상태)."""

from api.http.fields import ResponseBody, Time
from api.orders.schemas import OrderResponse, OrderSummary
from domain.order_status.view import OrderView


class OrderStatusSummary(OrderSummary):
    """An order in a list."""

    updated_at: Time

    @classmethod
    def of_view(cls, view: OrderView) -> "OrderStatusSummary":
        """Make the item from a row."""
        return cls.model_validate({**vars(view.order), "updated_at": view.updated_at})


class OrderStatusResponse(OrderResponse):
    """An order with its history."""

    updated_at: Time

    @classmethod
    def of_view(cls, view: OrderView) -> "OrderStatusResponse":
        """Make the response from a row."""
        return cls.model_validate({**vars(view.order), "updated_at": view.updated_at})


class Totals(ResponseBody):
    """The numbers of orders by status and region."""

    total: int
    by_status: dict[str, int]
    by_region: dict[str, dict[str, int]]
    attention: int
