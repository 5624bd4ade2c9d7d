"""The search: by order, customer, telephone, address or engineer.

It is a form that posts, because names and telephone numbers do not belong in an address, where proxies and browsers
keep them. So its answer is a page, not a redirection.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from console.forms import Form, refused
from console.managers.rows import Row
from console.page_request import PageRequest
from console.paths import path_of
from console.service import ApiAway, Problem

_ROWS = 50
_FEWEST_CHARACTERS = 2


@dataclass(frozen=True)
class SearchPage:
    """What was searched for, and what was found."""

    form: Form
    rows: Sequence[Row] | None
    """None: nothing was searched for yet."""
    following: str | None
    """Position of the next page."""
    me: str
    """Subject of the manager who looks at it."""


async def ask_search(visit: PageRequest) -> Response:
    """Ask what to search for."""
    return await visit.page("managers/search.html", SearchPage(Form(), None, None, visit.person.subject))


async def search(visit: PageRequest) -> Response:
    """Show what was found. A single order that was searched for by its id is shown itself."""
    values = await visit.form()
    wanted = values.get("q", "")
    if len(wanted) < _FEWEST_CHARACTERS:
        texts = visit.texts
        return await _again(visit, Form(values, {"q": texts("Enter at least two characters.")}), 422)
    body = {"q": wanted, "limit": _ROWS} | ({"cursor": values["cursor"]} if values.get("cursor") else {})
    try:
        found = (await visit.api.send("POST", "/orderStatuses/search", body)).body
    except ApiAway as error:
        return await _again(visit, refused(error, values, visit.texts, {}), 503)
    except Problem as problem:
        if problem.status in (401, 403):
            raise
        return await _again(visit, refused(problem, values, visit.texts, {"/q": "q"}), problem.status)
    rows = [Row.of(order) for order in found["items"]]
    if [row.order_id for row in rows] == [wanted]:
        return visit.redirect(path_of("/orders", wanted))
    page = SearchPage(Form(values), rows, found["nextCursor"], visit.person.subject)
    return await visit.page("managers/search.html", page)


async def _again(visit: PageRequest, form: Form, status: int) -> Response:
    return await visit.page("managers/search.html", SearchPage(form, None, None, visit.person.subject), status)
