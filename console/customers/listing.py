"""The person's orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from console.customers.calls import orders_of
from console.customers.progress import Progress, progress
from console.page_request import PageRequest


@dataclass(frozen=True)
class OrderCard:
    """An order in the list."""

    order: Mapping[str, Any]
    progress: Progress


@dataclass(frozen=True)
class OrdersPage:
    """A page of the list."""

    cards: Sequence[OrderCard]
    more: str | None
    """Address of the next page."""
    first: bool


async def show_orders(visit: PageRequest) -> Response:
    """Show the orders of the person, the newest first."""
    cursor = visit.query.get("cursor")
    found = await orders_of(visit, cursor)
    cards = [OrderCard(order, progress({**order, "history": []}, visit.texts)) for order in found["items"]]
    more = found["nextCursor"] and f"/orders?{urlencode({'cursor': found['nextCursor']})}"
    return await visit.page("customers/orders.html", OrdersPage(cards, more, cursor is None))
