"""Orders (가입신청)."""

import hashlib
from datetime import datetime, timedelta, timezone

from pydantic import Field
from pydantic_core import to_json

from api.http.fields import Address, Id, Identifier, RequestBody, ResponseBody, Text, Time
from api.http.times import GivenDate, GivenTime
from api.http.windows import VisitResponse
from domain.orders import Order, OrderStatus

_KOREA = timezone(timedelta(hours=9))
"""Asia/Seoul, which keeps no summer time."""


class OrderRequest(RequestBody):
    """A customer's subscription to one product at one address."""

    product_id: Identifier
    product_name: Text
    installation_address: Address
    customer_id: Identifier
    order_date: GivenDate | None = Field(None, description="`YYYYMMDD` or `YYYY-MM-DD`; today in Korea if absent")
    customer_name: Text | None = None
    contact_phone: Text | None = None
    note: Text | None = None
    preferred_visit: GivenTime | None = Field(
        None, description="The start of the wanted visit window; where that has gone, the next later one is booked"
    )

    def fingerprint(self) -> str:
        """The same for two bodies that ask for the same, and no other."""
        given = self.model_dump(exclude_none=True, mode="json")
        return hashlib.sha256(to_json(dict(sorted(given.items())))).hexdigest()

    def asks_for(self, order: Order) -> bool:
        """Whether the order is what this body asks for; of any day, where it names none."""
        if self.order_date and self.order_date.isoformat() != order.order_date:
            return False
        asked = self.model_dump(exclude={"order_date"})
        return all(getattr(order, name) == value for name, value in asked.items())

    def order(self, order_id: str, *, at: datetime, by: str | None = None) -> Order:
        """The order that this body asks for, taken at that time, by the customer or (`by`) by somebody else."""
        order = Order(
            order_id=order_id,
            order_date=(self.order_date or at.astimezone(_KOREA).date()).isoformat(),
            **self.model_dump(exclude={"order_date"}),
        )
        order.mark_ordered(at=at, by=by)
        return order


class CancellationRequest(RequestBody):
    """Why an order is to be canceled."""

    reason: Text | None = None


class VisitRequest(RequestBody):
    """Another visit window for an order."""

    preferred_visit: GivenTime = Field(description="The start of the wanted visit window")
    manager_id: Id | None = Field(None, description="Of the manager who wants it; without one it is the customer")


class AcknowledgementRequest(RequestBody):
    """Who takes on what a person is asked for."""

    manager_id: Id | None = None


class AttentionResponse(ResponseBody):
    """Why a person should look at the order, since when, and who has taken it on."""

    reason: str
    since: Time
    detail: str | None
    acknowledged_by: str | None
    acknowledged_at: Time | None


class HistoryResponse(ResponseBody):
    """One event: what, when, by whom."""

    event: str
    at: Time
    by: str
    detail: str | None


class OrderSummary(ResponseBody):
    """An order without its history."""

    order_id: str
    customer_id: str
    customer_name: str | None
    contact_phone: str | None
    note: str | None
    product_id: str
    product_name: str
    installation_address: str
    order_date: str
    status: OrderStatus
    region: str | None
    engineer_id: str | None
    engineer_name: str | None
    visit: VisitResponse | None
    install_completed_at: Time | None
    attention: AttentionResponse | None
    version: int
    stale: bool = Field(False, description="No worker answered: this is what is known otherwise")


class OrderResponse(OrderSummary):
    """An order as it stands."""

    history: list[HistoryResponse]

    @classmethod
    def of(cls, order: Order, *, stale: bool = False) -> "OrderResponse":
        """The order as it is answered."""
        shown = cls.model_validate(order)
        shown.stale = stale
        return shown
