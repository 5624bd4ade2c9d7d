"""Canceling an order. The answer is definite: done, recorded, or too late."""

from dataclasses import dataclass

from starlette.responses import Response

from console.customers.calls import Json, cancel_order, order_if_known, order_of
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

    order_id: str
    order: Json | None
    """None: it cannot be told now."""
    form: Form
    at_work: bool
    """Whether the engineer has begun."""


async def ask_cancel(visit: PageRequest) -> Response:
    """Ask whether the order is to be canceled."""
    return await _page(visit, await order_of(visit, visit.path_value("orderId")), Form())


async def cancel(visit: PageRequest) -> Response:
    """Cancel the order."""
    order_id, fields = visit.path_value("orderId"), await visit.form()
    path = f"/orders/{order_id}"
    try:
        answer = await cancel_order(visit.api, order_id, fields.get("reason"))
    except Problem as problem:
        if problem.status == 409:
            return visit.redirect(path, Flash(sentence(problem, visit.texts), "refused"))
        if problem.is_of_the_page:
            raise
        form, status = refused(problem, fields, visit.texts, {"/reason": "reason"}), problem.status
        return await _page(visit, await order_if_known(visit, order_id), form, status)
    except ApiAway as error:
        form = refused(error, fields, visit.texts, {})
        return await _page(visit, await order_if_known(visit, order_id), form, 503)
    if answer.status == 200:
        return visit.redirect(path, Flash(visit.texts(_DONE)))
    return visit.redirect(f"{path}?{CANCELING}=1", Flash(visit.texts(_RECORDED), "note"))


async def _page(visit: PageRequest, order: Json | None, form: Form, status: int = 200) -> Response:
    order_id, told = visit.path_value("orderId"), progress(order, visit.texts) if order else None
    if told and not told.can_cancel:
        return visit.redirect(f"/orders/{order_id}", Flash(visit.texts(TOO_LATE), "refused"))
    page = CancelPage(order_id, order, form, at_work=told is not None and told.at_work)
    return await visit.page("customers/cancel.html", page, status)
