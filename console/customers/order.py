"""One order: how far it is, what happens next, and what has happened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from console import labels
from console.customers.calls import order_of
from console.customers.progress import Progress, Told, progress, story
from console.page_request import PageRequest


@dataclass(frozen=True)
class OrderPage:
    """An order."""

    order: Mapping[str, Any]
    progress: Progress
    story: Sequence[Told]


async def show_order(visit: PageRequest) -> Response:
    """Show an order."""
    order = await order_of(visit, visit.path_value("orderId"))
    told = story(order, visit.texts, labels.EVENT, labels.ACTOR)
    return await visit.page("customers/order.html", OrderPage(order, progress(order, visit.texts), told))
