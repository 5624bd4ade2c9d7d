"""Schemas of the events. An event is a CloudEvent (CloudEvents 1.0), whose attributes are in lower case."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.http.fields import ResponseBody, Time
from api.http.windows import VisitResponse

Position = str
"""A position of the log: 20 digits."""
_POSITION = r"^[0-9]{20}$"


class OrderFacts(ResponseBody):
    """What is known of the order after the event. Later releases may add members."""

    model_config = ConfigDict(extra="allow")

    order_id: str
    position: int = Field(description="Index of the event in the order's history, from 0")
    status: str
    previous_status: str | None
    by: str = Field(
        description="The role of who did it; an engineer or a service with the id, as `engineer:kr-11-1`, unless it is "
        "an e-mail address"
    )
    region: str | None
    product_id: str
    engineer_id: str | None
    visit: VisitResponse | None
    previous_visit: VisitResponse | None
    assignment_round: int | None
    ordered_at: Time | None
    install_completed_at: Time | None


class CloudEvent(BaseModel):
    """An event as CloudEvents 1.0 describes it."""

    specversion: Literal["1.0"]
    id: str = Field(description="Unique together with `source`, and always of the same event")
    source: str
    type: str
    subject: str
    time: Time
    datacontenttype: Literal["application/json"]


class EventResponse(CloudEvent):
    """An event of an order. It contains no personal data: `GET /orders/{orderId}` has the rest."""

    type: str = Field(examples=["orders.JoinCompleted"])
    subject: str = Field(description="The id of the order")
    partitionkey: str = Field(description="Events with the same key are in the order in which they happened")
    sequence: Position = Field(pattern=_POSITION, description="The position of the event in the log")
    data: OrderFacts


class PingFacts(ResponseBody):
    """Which subscription the consumer is asked about."""

    event_subscription_id: str


class PingEvent(CloudEvent):
    """A question to a consumer whether it takes events. It is sent, but never listed."""

    subject: str = Field(description="The id of the subscription")
    data: PingFacts


class EventsResponse(BaseModel):
    """The next events of the log."""

    items: list[EventResponse]
    next: Position = Field(
        pattern=_POSITION,
        description="`after` of the next request, also if `items` is empty. Everything up to it was looked at",
    )
    last: Position = Field(pattern=_POSITION, description="The newest position of the log")
