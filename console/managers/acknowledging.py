"""A manager takes on an order that needs a person, so that others see it."""

from starlette.responses import Response

from console.managers.questions import Refusal, send
from console.page_request import PageRequest
from console.paths import path_of
from console.sessions import Flash


async def acknowledge(visit: PageRequest) -> Response:
    """Take on an order. This leads to the order: the list may know of it a moment later."""
    order_id = visit.path_value("orderId")
    outcome = await send(visit, "POST", path_of("/orders", order_id, "attention/acknowledge"), {}, {})
    if isinstance(outcome, Refusal):
        flash = Flash(outcome.form.summary or "", "refused")
    else:
        flash = Flash(visit.texts("You are looking after the order now."))
    return visit.redirect(path_of("/orders", order_id), flash)
