"""What concerns everybody: where one begins, preferences, and what was sent without a session."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from console import error_pages
from console.page_request import PageRequest, path_of_ours
from console.routing import EVERYBODY, SIGNED_IN, Route
from console.sessions import Draft
from console.sign_in.way import LOGIN

PREFERENCES, RESUME = "/preferences", "/resume"


@dataclass(frozen=True)
class ResumePage:
    """What was sent after the session had ended."""

    draft: Draft


async def start(visit: PageRequest) -> Response:
    """Lead to the page on which the person begins."""
    if visit.session is None:
        return visit.redirect(LOGIN)
    begins = visit.console.table.start_of(visit.session.roles)
    return visit.redirect(begins) if begins else await error_pages.without_role(visit)


async def change_preferences(visit: PageRequest) -> Response:
    """Change language, colors or shortcuts of this browser."""
    fields = await visit.form()
    response = visit.redirect(path_of_ours(fields.get("next")))
    visit.preferences.changed(fields).write(response, secure=visit.console.secure)
    return response


async def resume(visit: PageRequest) -> Response:
    """Show what was sent without a session, so that it can be sent again by one press of a button.

    Only whoever was signed in before gets it back. If the browser does not know any more who that was, it is whoever
    signs in.
    """
    draft = visit.console.cookies.draft_in(visit.cookies)
    if draft is None or draft.subject not in ("", visit.person.subject):
        return visit.redirect("/")
    return await visit.page("resume.html", ResumePage(draft))


ROUTES: Sequence[Route] = (
    Route("GET", "/", EVERYBODY, start, renews=True),
    Route("POST", PREFERENCES, EVERYBODY, change_preferences),
    Route("GET", RESUME, SIGNED_IN, resume),
)
