"""The managers' view of the orders (진행상태)."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from pydantic import Field

from api.http.fields import ResponseBody, Time
from api.orders.schemas import OrderResponse, OrderSummary
from domain.order_status.statistics import DayStatistics
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


class LeftOrder(ResponseBody):
    """An order that is no longer an engineer's."""

    order_id: str
    engineer_id: None
    version: int


class NeedResponse(ResponseBody):
    """The orders that need a person for one reason."""

    orders: int
    unacknowledged_since: Time | None = Field(
        description="Since when the oldest unacknowledged one has needed a person"
    )


class Totals(ResponseBody):
    """The numbers of orders by status and region, and those that need a person."""

    total: int
    by_status: dict[str, int]
    by_region: dict[str, dict[str, int]]
    attention: int
    attention_by_reason: dict[str, NeedResponse]
    oldest_by_status: dict[str, Time] = Field(
        description="Of each status of open orders: when the order that has stood longest last changed"
    )


class HoursResponse(ResponseBody):
    """The hours from an order to its completion, as upper bounds."""

    median: int
    p90: int


class DayResponse(ResponseBody):
    """What happened on one day to the orders of one region, or (`null`) to those that had no region yet."""

    day: date
    region: str | None
    ordered: int
    completed: int
    canceled: int
    declined: int
    unanswered: int
    incomplete_by_reason: dict[str, int]
    hours_to_completion: HoursResponse | None


def shown_days(days: Iterable[DayStatistics]) -> list[dict[str, Any]]:
    """Return `DayResponse`s as JSON members, without validating and copying each."""
    return [
        {
            "day": each.day,
            "region": each.region,
            "ordered": each.counts.ordered,
            "completed": each.counts.completed,
            "canceled": each.counts.canceled,
            "declined": each.counts.declined,
            "unanswered": each.counts.unanswered,
            "incompleteByReason": each.counts.incomplete_by_reason,
            "hoursToCompletion": {"median": each.counts.hours_of(50), "p90": each.counts.hours_of(90)}
            if each.counts.hours
            else None,
        }
        for each in days
    ]
