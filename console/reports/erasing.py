"""The erasure of a customer's data: asked for by the customer's number, confirmed on a page, done by a workflow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from console.forms import Form, missing
from console.lists import Items
from console.managers.center import Refusal, refusal, require_whole_country
from console.page_request import PageRequest
from console.paths import path_of
from console.service import ApiAway, Problem
from console.sessions import Flash
from domain.orders import OrderStatus

PATH = "/erasure"
ERASE_WITHIN = 8.0
"""Seconds. The API answers within 4, and then says that the erasure is recorded."""
_RECORDED = "recorded"
_MOST_ORDERS = 200
_ENDED = frozenset(status.value for status in OrderStatus if status.final)


@dataclass(frozen=True)
class ErasurePage:
    """The question whose data is to be erased."""

    form: Form


@dataclass(frozen=True)
class ErasePage:
    """The question whether to erase a customer's data."""

    customer_id: str
    path: str
    form: Form
    known: bool
    """Whether it can be told now which orders the customer has."""
    orders: int
    """Number of the customer's newest orders."""
    complete: bool
    """Whether these are all."""
    open_orders: Sequence[Mapping[str, Any]]
    """Those that have not ended, because of which nothing can be erased."""
    recorded: bool
    """Whether an erasure has just been recorded, of which it is not known whether it is done."""


async def ask_whom(visit: PageRequest) -> Response:
    """Ask for the customer's number, which leads to the question."""
    await require_whole_country(visit)
    values = {"customerId": visit.query.get("customerId", "").strip()}
    if "customerId" not in visit.query:
        return await visit.page("reports/erasure.html", ErasurePage(Form(values)))
    if incomplete := missing(values, ("customerId",), visit.texts):
        return await visit.page("reports/erasure.html", ErasurePage(incomplete), 422)
    return visit.redirect(erase_path(values["customerId"]))


async def ask_erase(visit: PageRequest) -> Response:
    """Say what would be erased and what stays, and ask."""
    await require_whole_country(visit)
    return await _ask(visit, Refusal(status=200))


async def erase(visit: PageRequest) -> Response:
    """Erase the data. Sent again, it tells whether an erasure that was recorded is done."""
    customer_id, texts = visit.path_value("customerId"), visit.texts
    path = path_of("/orders/customers", customer_id, "personalData")
    try:
        answer = await visit.api.send("DELETE", path, within=ERASE_WITHIN)
    except (ApiAway, Problem) as error:
        return await _ask(visit, refusal(error, {}, texts, {}))
    if answer.status == HTTPStatus.ACCEPTED:
        return visit.redirect(f"{erase_path(customer_id)}?{_RECORDED}=1")
    erased = answer.body["erasedOrders"]
    if not erased:
        return visit.redirect(PATH, Flash(texts("Nothing was left to erase for this customer number."), "note"))
    done = texts.count("The data in %(num)s order is erased.", "The data in %(num)s orders is erased.", erased)
    return visit.redirect(PATH, Flash(done))


def erase_path(customer_id: str) -> str:
    """Return the address of the page that asks whether to erase a customer's data."""
    return path_of("/customers", customer_id, "erase")


async def _ask(visit: PageRequest, refused: Refusal) -> Response:
    customer_id = visit.path_value("customerId")
    orders = await _orders_of(visit, customer_id)
    page = ErasePage(
        customer_id,
        erase_path(customer_id),
        refused.form,
        orders is not None,
        len(orders.items) if orders else 0,
        orders is None or orders.complete,
        [order for order in orders.items if order["status"] not in _ENDED] if orders else [],
        _RECORDED in visit.query,
    )
    return await visit.page("reports/erase.html", page, refused.status)


async def _orders_of(visit: PageRequest, customer_id: str) -> Items | None:
    """Return the newest orders of a customer, or None if they cannot be told now."""
    body = {"customerId": customer_id, "limit": _MOST_ORDERS}
    try:
        found = (await visit.api.send("POST", "/orderStatuses/search", body)).body
    except ApiAway:
        return None
    except Problem as problem:
        if problem.is_of_the_page:
            raise
        return None
    return Items(found["items"], found["nextCursor"] is None)
