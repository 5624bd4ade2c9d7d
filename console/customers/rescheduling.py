"""Moving the visit of an order to another window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from console.customers.calls import (
    FreeTimes,
    Json,
    chosen_elsewhere,
    days_of,
    move_visit,
    order_if_known,
    order_of,
    times_of,
)
from console.customers.progress import progress
from console.forms import Form, missing, refused
from console.page_request import PageRequest
from console.problems import BEING_MOVED, TOO_LATE, sentence
from console.service import ApiAway, Problem
from console.sessions import Flash
from console.texts import N_

_MOVED = N_("The visit has been moved to %(window)s.")


@dataclass(frozen=True)
class ReschedulePage:
    """The windows to which the visit can be moved."""

    order_id: str
    order: Json | None
    """None: it cannot be told now."""
    version: str
    """Of the order for which the visit is moved: as it was when the person was last told how it is."""
    times: FreeTimes
    form: Form
    chosen: str | None
    """The chosen time, if it is not among those that are shown, and has not just been taken."""
    nearest: bool = False
    """Whether the windows are those nearest to one that was just taken."""


async def ask_reschedule(visit: PageRequest) -> Response:
    """Show the windows."""
    order = await order_of(visit, visit.path_value("orderId"))
    return await _page(visit, order, Form({"from": visit.query.get("from", "")}))


async def reschedule(visit: PageRequest) -> Response:
    """Move the visit."""
    order_id, fields = visit.path_value("orderId"), await visit.form()
    if form := missing(fields, (), visit.texts, choices=("visit",)):
        return await _page(visit, await order_if_known(visit, order_id), form, 422)
    try:
        answer = await move_visit(visit.api, order_id, fields["visit"], fields.get("version", ""))
    except Problem as problem:
        return await _refused(visit, problem, fields)
    except ApiAway as error:
        form = refused(error, fields, visit.texts, {})
        return await _page(visit, await order_if_known(visit, order_id), form, 503)
    window = answer.body["visit"]
    text = (
        visit.texts(_MOVED, window=visit.texts.window(window)) if window else visit.texts("The visit has been moved.")
    )
    return visit.redirect(f"/orders/{order_id}", Flash(text))


async def _refused(visit: PageRequest, problem: Problem, fields: Mapping[str, str]) -> Response:
    order_id = visit.path_value("orderId")
    if problem.slug == "illegal-transition" and problem.detail != BEING_MOVED:
        return visit.redirect(f"/orders/{order_id}", Flash(sentence(problem, visit.texts), "refused"))
    if problem.is_of_the_page:
        raise problem
    if problem.slug == "changed-meanwhile":
        # Sent again, it is meant for the order as the page now shows it.
        fields = {**fields, "version": ""}
    form, nearest = refused(problem, fields, visit.texts, {"/preferredVisit": "visit"}), problem.members.get("slots")
    return await _page(visit, await order_if_known(visit, order_id), form, problem.status, nearest or ())


async def _page(
    visit: PageRequest, order: Json | None, form: Form, status: int = 200, nearest: Sequence[Json] = ()
) -> Response:
    order_id, told = visit.path_value("orderId"), progress(order, visit.texts) if order else None
    if told and not told.can_move:
        return visit.redirect(f"/orders/{order_id}", Flash(visit.texts(TOO_LATE), "refused"))
    if nearest:
        times = FreeTimes(days_of(nearest, visit.texts))
    elif order:
        times = await times_of(visit, order_id, form.value("from"))
    else:
        times = FreeTimes(known=False)
    if told and not told.alert and order and order["visit"]:
        times = times.without(order["visit"]["start"])
    version = form.value("version") or (str(order["version"]) if order else "")
    chosen = None if nearest else chosen_elsewhere(form.value("visit"), times, visit.texts)
    page = ReschedulePage(order_id, order, version, times, form, chosen, bool(nearest))
    return await visit.page("customers/reschedule.html", page, status)
