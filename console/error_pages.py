"""The pages for what cannot be shown: each says what happened, and what can be done."""

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.page_request import PageRequest
from console.problems import AWAY, sentence
from console.service import Problem
from console.texts import N_

_TITLES = {
    400: N_("The request could not be understood"),
    403: N_("Not allowed"),
    404: N_("Not found"),
    405: N_("Not found"),
    408: N_("Not received"),
    413: N_("Too long"),
    429: N_("Too much at once"),
    503: N_("Not available at the moment"),
}
_NOT_LOADED = N_("The page could not be loaded. It is tried again by itself shortly.")
_FAILED = N_("Something went wrong")
_RETRY_AFTER = 5


@dataclass(frozen=True)
class ErrorPage:
    """What happened."""

    status: int
    title: str
    text: str
    retry_after: int | None = None
    """Seconds after which the page tries again by itself, if it only reads."""


async def of_problem(visit: PageRequest, problem: Problem) -> Response:
    """Return the page for a problem of the API that the page itself has nothing to say about."""
    status = problem.status if problem.status in _TITLES else 502
    after = (problem.retry_after or _RETRY_AFTER) if problem.passes else None
    return await _page(visit, status, sentence(problem, visit.texts), after)


async def of_silence(visit: PageRequest) -> Response:
    """Return the page for an API that does not answer."""
    reads = visit.request.method in ("GET", "HEAD")
    return await _page(visit, 503, visit.texts(_NOT_LOADED if reads else AWAY), _RETRY_AFTER)


async def of_status(visit: PageRequest, status: int) -> Response:
    """Return the page for a request that this console itself refuses, or fails to answer."""
    texts = {
        400: N_("Please go back and try again."),
        403: N_("This page is for another role."),
        404: N_("There is no such page, or it is not yours to see."),
        405: N_("There is no such page, or it is not yours to see."),
        408: N_("What you entered did not arrive in time. Please try again."),
        413: N_("What you entered is too long."),
    }
    otherwise = N_("The page could not be shown. Please try again.")
    return await _page(visit, status, visit.texts(texts.get(status, otherwise)))


async def of_refusal(visit: PageRequest, error: HTTPException) -> Response:
    """Return the page for a request that the framework refuses."""
    response = await of_status(visit, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def without_role(visit: PageRequest) -> Response:
    """Return the page for somebody whose account has no role with pages."""
    return await _page(visit, 403, visit.texts("Your account has no role here. Please ask your administrator."))


async def _page(visit: PageRequest, status: int, text: str, retry_after: int | None = None) -> Response:
    title = visit.texts(_TITLES.get(status, _FAILED))
    repeatable = retry_after if visit.request.method in ("GET", "HEAD") else None
    response = await visit.page("error.html", ErrorPage(status, title, text, repeatable), status)
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response
