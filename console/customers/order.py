"""One order: how far it is, what happens next, and what has happened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from console import labels
from console.customers.calls import order_of
from console.customers.progress import ENDING, Progress, Told, progress, story
from console.page_request import PageRequest
from console.roles import Role
from domain.orders import Event, OrderStatus

CANCELING = "canceling"
"""In the query: a cancellation of this order is recorded, and may not be carried out yet."""
_ENDED = frozenset({OrderStatus.JOIN_COMPLETED, OrderStatus.ORDER_CANCELED})
_CANCELED = frozenset({Event.CANCEL_ORDERED, Event.ORDER_CANCEL_REJECTED})


@dataclass(frozen=True)
class OrderPage:
    """An order."""

    order: Mapping[str, Any]
    progress: Progress
    story: Sequence[Told]
    as_of: datetime
    by_link: bool
    """Whether it is shown by a tracking link. Such a page does not look again by itself: each look is written down."""

    @property
    def live(self) -> str:
        """Path of the stream that says when to look again. Empty: the order has ended."""
        return "" if self.order["status"] in _ENDED else f"/orders/{self.order['orderId']}/live"


async def show_order(visit: PageRequest) -> Response:
    """Show an order."""
    order = await order_of(visit, visit.path_value("orderId"))
    if CANCELING in visit.query:
        order = _as_recorded(order)
    by_link = visit.person.is_of_link
    told = story(order, visit.texts, labels.EVENT, labels.ACTOR, Role.TRACKER if by_link else Role.CUSTOMER)
    page = OrderPage(order, progress(order, visit.texts), told, datetime.now(UTC), by_link)
    return await visit.page("customers/order.html", page)


async def follow_order(visit: PageRequest) -> Response:
    """Stream that an order of the person has changed. The page then looks again, because it shows a whole order."""
    await order_of(visit, visit.path_value("orderId"))
    after = visit.request.headers.get("Last-Event-ID", "")
    return visit.console.streams.response(after, visit.api.headers, lambda order: str(order["orderId"]))


def _as_recorded(order: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an order as it is told after its cancellation was recorded: as being canceled, until a worker has run."""
    if order["status"] in ENDING or any(entry["event"] in _CANCELED for entry in order["history"]):
        return order
    return {**order, "status": OrderStatus.CANCEL_ORDERED}
