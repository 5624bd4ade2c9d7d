"""Opening a tracking link.

Its address is a secret. So it shows nothing and changes nothing until somebody presses the button: programs that look
at every link in a message do not. What it opens is then kept in a cookie, and the order has its usual address.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus

from starlette.responses import Response

from console.forms import Form, refused
from console.page_request import PageRequest
from console.paths import path_of
from console.roles import Role
from console.service import ApiAway, Problem
from console.sessions import Flash, Session
from console.sign_in.way import session_of
from console.texts import N_

LINKS = "/t"
_TOKEN = re.compile(r"[A-Za-z0-9_.-]{1,900}")
"""Of a JSON Web Token. Longer ones are not made."""
_REFUSED = N_("This link does not open an order any more, or it is not complete.")
_CLOSED = N_("The order is closed on this device. The link opens it again.")


@dataclass(frozen=True)
class LinkPage:
    """A tracking link that can be opened."""

    action: str
    signed_in_as: str | None
    form: Form


@dataclass(frozen=True)
class LinksPage:
    """What is said where no link is opened."""


async def ask_open(visit: PageRequest) -> Response:
    """Ask whether to open the link."""
    return await _ask(visit, Form(), HTTPStatus.OK)


async def open_link(visit: PageRequest) -> Response:
    """Open the link. Whoever is signed in stays so, and sees the order as that person may."""
    token = visit.path_value("token")
    if not _TOKEN.fullmatch(token):
        return refuse_link(visit)
    try:
        link = await session_of(visit, token, "")
    except ApiAway as error:
        return await _ask(visit, refused(error, {}, visit.texts, {}), HTTPStatus.SERVICE_UNAVAILABLE)
    except Problem as problem:
        if problem.status == HTTPStatus.UNAUTHORIZED:
            return refuse_link(visit)
        return await _ask(visit, refused(problem, {}, visit.texts, {}), problem.status)
    if not _is_of_link_alone(link):
        return refuse_link(visit)
    response = visit.redirect(path_of("/orders", link.subject))
    if visit.session is None:
        visit.console.cookies.open_link(response, link)
    return response


async def show_links(visit: PageRequest) -> Response:
    """Say what can be done without a link that opens something."""
    return await visit.page("tracking/links.html", LinksPage())


async def close_link(visit: PageRequest) -> Response:
    """Forget the link that was opened."""
    return _leave(visit, Flash(visit.texts(_CLOSED)))


def refuse_link(visit: PageRequest) -> Response:
    """Forget a link that opens nothing, and leave its address."""
    return _leave(visit, Flash(visit.texts(_REFUSED), "refused"))


def _is_of_link_alone(session: Session) -> bool:
    """Return whether the token was made for a link. A link with a token of a person would sign others in as them."""
    return session.roles == (Role.TRACKER,)


def _leave(visit: PageRequest, flash: Flash) -> Response:
    response = visit.redirect(LINKS, flash)
    visit.console.cookies.link.clear(response, visit.cookies)
    return response


async def _ask(visit: PageRequest, form: Form, status: int) -> Response:
    token = visit.path_value("token")
    if not _TOKEN.fullmatch(token):
        return refuse_link(visit)
    page = LinkPage(f"{LINKS}/{token}", visit.session.name if visit.session else None, form)
    return await visit.page("tracking/open.html", page, status)
