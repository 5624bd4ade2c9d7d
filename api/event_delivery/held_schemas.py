"""Orders whose next event a consumer has refused: bodies of requests and responses."""

from typing import Self

from pydantic import Field

from api.http.fields import RequestBody, ResponseBody, Text, Time
from domain.event_delivery.subscriptions import HeldOrder


class SkipRequest(RequestBody):
    """Which event is given up. Absent: whichever holds the order."""

    event_id: Text | None = None


class HeldOrderResponse(ResponseBody):
    """An order whose next event the consumer has refused. The order's later events wait."""

    order_id: str
    event_id: str
    since: Time


class ListedHeldOrderResponse(HeldOrderResponse):
    """A held order with the event that holds it, and how that was sent."""

    type: str | None = Field(description="Type of the event. `null`: it is not kept any more")
    attempts: int = Field(description="Requests with this event")
    next_attempt_at: Time | None = Field(description="`null`: it is not sent again by itself, and waits for a person")
    status: int | None = Field(description="HTTP status of the last refusal. `null`: not sent yet, or not known")

    @classmethod
    def of(cls, held: HeldOrder) -> Self:
        """Return a held order as the subscriber sees it."""
        return cls.model_validate(vars(held) | {"next_attempt_at": held.retry_at})
