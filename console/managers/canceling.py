"""A manager cancels an order, with the definite answer of the engine: done, recorded, or too late.

What names a version of the order cannot be recorded while no worker runs. If no answer comes, the form comes back
without the version: sent again, the cancellation is recorded, and meant for the order however it is by then.
"""

from dataclasses import dataclass, replace
from http import HTTPStatus

from starlette.responses import Response

from console.forms import Form
from console.managers.questions import NEW, Question, Refusal, send
from console.page_request import PageRequest
from console.paths import path_of
from console.sessions import Flash
from console.texts import N_

_RECORDED = N_(
    "The cancellation is recorded. It will be carried out, unless the installation has been completed before."
)
_AGAIN = N_(
    "No answer came in time. If you send it again, the cancellation is recorded, and will be carried out even if the"
    " order changes before."
)


@dataclass(frozen=True)
class CancelPage:
    """The question whether to cancel."""

    question: Question


async def ask_cancel(visit: PageRequest, refusal: Refusal = NEW) -> Response:
    """Ask whether to cancel, and why."""
    return await visit.page("managers/cancel.html", CancelPage(await Question.about(visit, refusal)), refusal.status)


async def cancel(visit: PageRequest) -> Response:
    """Cancel the order and its installation."""
    order_id, values = visit.path_value("orderId"), await visit.form()
    body = {"reason": values["reason"]} if values.get("reason") else {}
    outcome = await send(visit, "POST", path_of("/orders", order_id, "cancel"), values, body)
    if isinstance(outcome, Refusal):
        if values.get("version") and outcome.slug == "no-answer-in-time":
            outcome = replace(outcome, form=_without_version(outcome.form, visit))
        return await ask_cancel(visit, outcome)
    if outcome.status == HTTPStatus.ACCEPTED:
        flash = Flash(visit.texts(_RECORDED), "note")
    else:
        flash = Flash(visit.texts("The order and its installation are canceled."))
    return visit.redirect(path_of("/orders", order_id), flash)


def _without_version(form: Form, visit: PageRequest) -> Form:
    return replace(form, values={**form.values, "version": ""}, summary=visit.texts(_AGAIN))
