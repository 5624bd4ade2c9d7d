"""Making a tracking link, for somebody without an account: by the customer, or by a manager.

The link is in the answer to the form, and nowhere else: it gets into no address, cookie or log.
"""

from dataclasses import dataclass
from http import HTTPStatus

from starlette.responses import Response

from console.customers.calls import order_if_known, order_of
from console.forms import Form, refused
from console.page_request import PageRequest
from console.paths import path_of
from console.service import ApiAway, Problem
from console.settings import url_of_console
from console.texts import N_
from console.tracking.opening import LINKS

_NONE_ARE_MADE = N_("No links can be made here: this service is not set up for them.")


@dataclass(frozen=True)
class SharePage:
    """The question whether to make a link."""

    order_id: str
    form: Form


@dataclass(frozen=True)
class SharedPage:
    """A link that was made. It is shown this once."""

    order_id: str
    link: str
    expires_at: str


async def ask_share(visit: PageRequest) -> Response:
    """Ask whether to make a link, and say what it opens."""
    await order_of(visit, visit.path_value("orderId"))
    return await _ask(visit, Form(), HTTPStatus.OK)


async def share(visit: PageRequest) -> Response:
    """Make a link, and show it."""
    order_id = visit.path_value("orderId")
    try:
        made = (await visit.api.send("POST", path_of("/orders", order_id, "trackingTokens"))).body
    except ApiAway as error:
        return await _ask(visit, refused(error, {}, visit.texts, {}), HTTPStatus.SERVICE_UNAVAILABLE)
    except Problem as problem:
        if problem.status == HTTPStatus.NOT_FOUND and await order_if_known(visit, order_id):
            # The order is there for this person, so it is the links that are not.
            return await _ask(visit, Form(summary=visit.texts(_NONE_ARE_MADE)), problem.status)
        if problem.is_of_the_page:
            raise
        return await _ask(visit, refused(problem, {}, visit.texts, {}), problem.status)
    link = f"{url_of_console(visit.console.settings)}{LINKS}/{made['token']}"
    return await visit.page("tracking/shared.html", SharedPage(order_id, link, made["expiresAt"]))


async def _ask(visit: PageRequest, form: Form, status: int) -> Response:
    return await visit.page("tracking/share.html", SharePage(visit.path_value("orderId"), form), status)
