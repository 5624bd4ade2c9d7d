"""A manager removes a thing of the management center, after a page has asked."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.responses import Response

from console.managers.center import Refusal, refusal
from console.page_request import PageRequest
from console.service import ApiAway, Problem
from console.sessions import Flash


async def remove(
    visit: PageRequest,
    thing: str,
    listed: str,
    *,
    removed: str,
    gone: str,
    again: Callable[[Refusal], Awaitable[Response]],
) -> Response:
    """Remove a thing, and lead to the list. What is not there any more is removed, too.

    Args:
        visit: The request.
        thing: Path of the thing in the API.
        listed: Path of the list.
        removed: Says that it is removed.
        gone: Says that it had been removed before.
        again: Asks once more, where the API has refused or has not answered.
    """
    try:
        await visit.api.send("DELETE", thing)
    except (ApiAway, Problem) as error:
        if isinstance(error, Problem) and error.status == HTTPStatus.NOT_FOUND:
            return visit.redirect(listed, Flash(visit.texts(gone), "note"))
        return await again(refusal(error, {}, visit.texts, {}))
    return visit.redirect(listed, Flash(visit.texts(removed)))
