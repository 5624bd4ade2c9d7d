"""Orders (가입신청)."""

from datetime import datetime, timedelta, timezone
from typing import ClassVar, Self

from pydantic import Field

from api.http.fields import Address, Id, Identifier, RequestBody, Text, Time
from api.http.idempotency import fingerprint_of
from api.http.times import GivenDate, GivenTime
from api.http.windows import VisitResponse
from api.security.views import ORDER_VIEWS, PartlySeen, ViewedAnswer, Viewer, Views
from domain.common.personal import personal_fields
from domain.orders import Order, OrderStatus
from domain.visits import start_before

_KOREA = timezone(timedelta(hours=9))
"""Asia/Seoul, which has no daylight saving time."""


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
        None, description="The start of the wanted visit window. If it is not free, the next free one is booked"
    )

    def fingerprint(self) -> str:
        """Return a hash that is equal for two bodies only if they request the same."""
        return fingerprint_of(self.model_dump(exclude_none=True, mode="json"))

    def matches(self, order: Order) -> bool:
        """Return whether this body requests the order. If the body has no date, the order's date may be any."""
        if self.order_date and self.order_date.isoformat() != order.order_date:
            return False
        requested = self.model_dump(exclude={"order_date"})
        return all(getattr(order, name) == value for name, value in requested.items())

    def order(self, order_id: str, *, at: datetime, by: str | None = None) -> Order:
        """Return the requested order, placed at a time, by the customer or (`by`) by somebody else."""
        order = Order(
            order_id=order_id,
            order_date=(self.order_date or at.astimezone(_KOREA).date()).isoformat(),
            **self.model_dump(exclude={"order_date"}),
        )
        order.mark_ordered(at=at, by=by)
        return order


class CancellationRequest(RequestBody):
    """The reason for canceling an order."""

    reason: Text | None = None


class VisitRequest(RequestBody):
    """Another visit window for an order."""

    preferred_visit: GivenTime = Field(description="The start of the wanted visit window")
    manager_id: Id | None = Field(None, description="The manager who requests it; if absent, the customer does")


class AcknowledgementRequest(RequestBody):
    """The manager who takes care of an order that needs a person."""

    manager_id: Id | None = None


class AttentionResponse(PartlySeen):
    """Why the order needs a person, since when, and who takes care of it."""

    reason: str
    since: Time
    detail: str | None
    acknowledged_by: str | None
    acknowledged_at: Time | None

    def seen_by(self, viewer: Viewer) -> Self | None:
        """Return the reason and the time, if the caller's view has this reason."""
        if self.reason not in viewer.view.attention_reasons:
            return None
        return self.model_copy(update={"detail": None, "acknowledged_by": None, "acknowledged_at": None})


class HistoryResponse(PartlySeen):
    """One event: what, when, by whom."""

    event: str
    at: Time
    by: str
    detail: str | None

    def seen_by(self, viewer: Viewer) -> Self:
        """Return all of the caller's own entry. Of another's, return the role, and the time before of a moved visit."""
        if self.by == viewer.caller.actor:
            return self
        role, _, _ = self.by.partition(":")
        # Details of a moved visit may also be reasons of the assignment, which name managers.
        told = self.event in viewer.view.times_before and start_before(self.detail) is not None
        return self.model_copy(update={"by": role, "detail": self.detail if told else None})


class OrderSummary(ViewedAnswer):
    """An order without its history. Members that the caller's role may not see are null."""

    views: ClassVar[Views] = ORDER_VIEWS
    personal: ClassVar[frozenset[str]] = personal_fields(Order) - {"preferred_visit"}

    order_id: str
    customer_id: str | None
    customer_name: str | None
    contact_phone: str | None
    note: str | None
    product_id: str
    product_name: str
    installation_address: str | None
    order_date: str | None
    status: OrderStatus
    region: str | None
    engineer_id: str | None
    engineer_name: str | None
    visit: VisitResponse | None
    install_completed_at: Time | None
    attention: AttentionResponse | None
    version: int
    stale: bool = Field(False, description="No worker answered: this is the last known state")


class OrderResponse(OrderSummary):
    """An order with its history. Members that the caller's role may not see are null."""

    history: list[HistoryResponse]

    @classmethod
    def of(cls, order: Order, *, stale: bool = False) -> "OrderResponse":
        """Make the response from an order."""
        return cls.model_validate({**vars(order), "stale": stale})
