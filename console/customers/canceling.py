"""Canceling an order. The answer is definite: done, recorded, or too late."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from console.customers.calls import cancel_order, order_of
from console.customers.order import CANCELING
from console.customers.progress import progress
from console.forms import Form, refused
from console.page_request import PageRequest
from console.problems import TOO_LATE, sentence
from console.service import ApiAway, Problem
from console.sessions import Flash
from console.texts import N_

_DONE = N_("The order is canceled.")
_RECORDED = N_("We have your cancellation and will carry it out. You see the result here.")


@dataclass(frozen=True)
class CancelPage:
    """The question whether to cancel."""

    order: Mapping[str, Any]
    form: Form
    at_work: bool
    """Whether the engineer has begun."""


async def ask_cancel(visit: PageRequest) -> Response:
    """Ask whether the order is to be canceled."""
    return await _page(visit, Form())


async def cancel(visit: PageRequest) -> Response:
    """Cancel the order."""
    order_id, fields = visit.path_value("orderId"), await visit.form()
    path = f"/orders/{order_id}"
    try:
        answer = await cancel_order(visit.api, order_id, fields.get("reason"))
    except Problem as problem:
        if problem.status == 409:
            return visit.redirect(path, Flash(sentence(problem, visit.texts), "refused"))
        if problem.status in (401, 403, 404):
            raise
        return await _page(visit, refused(problem, fields, visit.texts, {"/reason": "reason"}), problem.status)
    except ApiAway as error:
        return await _page(visit, refused(error, fields, visit.texts, {}), 503)
    if answer.status == 200:
        return visit.redirect(path, Flash(visit.texts(_DONE)))
    return visit.redirect(f"{path}?{CANCELING}=1", Flash(visit.texts(_RECORDED), "note"))


async def _page(visit: PageRequest, form: Form, status: int = 200) -> Response:
    order = await order_of(visit, visit.path_value("orderId"))
    told = progress(order, visit.texts)
    if not told.can_cancel:
        return visit.redirect(f"/orders/{order['orderId']}", Flash(visit.texts(TOO_LATE), "refused"))
    return await visit.page("customers/cancel.html", CancelPage(order, form, told.at_work), status)
