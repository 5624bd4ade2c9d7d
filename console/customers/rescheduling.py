"""Moving the visit of an order to another window."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.responses import Response

from console.customers.calls import FreeTimes, days_of, move_visit, order_of, times_of
from console.customers.progress import progress
from console.forms import Form, missing, refused
from console.page_request import PageRequest
from console.problems import TOO_LATE, sentence
from console.service import ApiAway, Problem
from console.sessions import Flash
from console.texts import N_

_MOVED = N_("The visit has been moved to %(window)s.")
_MOVED_SOMEWHERE = N_("The visit has been moved.")


@dataclass(frozen=True)
class ReschedulePage:
    """The windows to which the visit can be moved."""

    order: Mapping[str, Any]
    times: FreeTimes
    form: Form
    nearest: bool = False
    """Whether the windows are those nearest to one that was just taken."""


async def ask_reschedule(visit: PageRequest) -> Response:
    """Show the windows."""
    return await _page(visit, Form())


async def reschedule(visit: PageRequest) -> Response:
    """Move the visit."""
    order_id, fields = visit.path_value("orderId"), await visit.form()
    if form := missing(fields, ("visit",), visit.texts):
        return await _page(visit, form, 422)
    try:
        answer = await move_visit(visit.api, order_id, fields["visit"], fields.get("version", ""))
    except Problem as problem:
        return await _refused(visit, problem, fields)
    except ApiAway as error:
        return await _page(visit, refused(error, fields, visit.texts, {}), 503)
    window = answer.body["visit"]
    text = (
        visit.texts(_MOVED, window=visit.texts.window(window)) if window else visit.texts("The visit has been moved.")
    )
    return visit.redirect(f"/orders/{order_id}", Flash(text))


async def _refused(visit: PageRequest, problem: Problem, fields: Mapping[str, str]) -> Response:
    if problem.slug == "illegal-transition":
        path = f"/orders/{visit.path_value('orderId')}"
        return visit.redirect(path, Flash(sentence(problem, visit.texts), "refused"))
    if problem.status in (401, 403, 404):
        raise problem
    form = refused(problem, fields, visit.texts, {"/preferredVisit": "visit"})
    return await _page(visit, form, problem.status, problem.members.get("slots") or ())


async def _page(visit: PageRequest, form: Form, status: int = 200, nearest: Any = ()) -> Response:
    order_id = visit.path_value("orderId")
    order = await order_of(visit, order_id)
    told = progress(order, visit.texts)
    if not told.can_move:
        return visit.redirect(f"/orders/{order_id}", Flash(visit.texts(TOO_LATE), "refused"))
    times = await times_of(visit, order_id, form.value("from") or visit.query.get("from"))
    if nearest:
        times = replace(times, days=days_of(nearest, visit.texts), earlier=None, later=None)
    if order["visit"] and not told.alert:
        times = times.without(order["visit"]["start"])
    page = ReschedulePage(order, times, form, bool(nearest))
    return await visit.page("customers/reschedule.html", page, status)
