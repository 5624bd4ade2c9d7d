"""What managers' pages read of the management center, and what they say when a change of it is refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlencode

from console import labels
from console.forms import Form, refused
from console.page_request import PageRequest
from console.service import ApiAway, Problem, Query
from console.texts import KOREAN, N_, Texts

CENTER = "/managementCenters"
ENGINEERS = f"{CENTER}/engineers"
ROWS = 50
ADDED_BEFORE: Mapping[str, str] = {
    "idempotency-key-reused": N_(
        "This was added already, with what you had entered before, and is in the list. If you mean another one, please"
        " send this again."
    ),
    "not-found": N_("This was added already, and was removed since. If you mean another one, please send this again."),
}
"""What the API says, by its problem, about a form whose key it knows."""


@dataclass(frozen=True)
class Reach:
    """The regions of a manager."""

    regions: Sequence[str]
    limited: bool
    """Whether these are not all. Then what belongs to the whole country can be read, and not changed."""


async def reach_of(visit: PageRequest) -> Reach:
    """Return the regions of the manager."""
    own = (await visit.api.get("/whoami"))["regions"]
    return Reach(sorted(labels.REGION if own is None else own), own is not None)


async def reach_if_there(visit: PageRequest) -> Reach:
    """Return the regions that can be chosen, or none while they cannot be told: a form then keeps the one it has."""
    try:
        return await reach_of(visit)
    except ApiAway:
        return Reach((), limited=False)
    except Problem as problem:
        if problem.is_of_the_page:
            raise
        return Reach((), limited=False)


async def require_whole_country(visit: PageRequest) -> None:
    """
    Raises:
        Problem: the manager is limited to regions.
    """
    if (await reach_of(visit)).limited:
        raise Problem(403, "forbidden")


async def holidays_of(visit: PageRequest, year: int) -> Mapping[date, str]:
    """Return the names of the national holidays of a year, in the language of the page.

    Raises:
        Problem: the API does not have this year, or cannot tell now.
        ApiAway: there is no answer.
    """
    name = "localName" if visit.preferences.language == KOREAN else "name"
    found = await visit.api.get(f"{CENTER}/holidays", {"year": year})
    return {date.fromisoformat(one["date"]): str(one[name]) for one in found["items"]}


@dataclass(frozen=True)
class Listed:
    """A page of a list."""

    items: Sequence[Mapping[str, Any]]
    begins: str
    """Address of the first page."""
    following: str | None
    """Address of the next page."""
    first: bool
    """Whether this is the first page."""


async def listed(visit: PageRequest, path: str, of_api: str, query: Query) -> Listed:
    """Read the page of a list that the address names.

    Args:
        visit: The request.
        path: Path of the list in the console.
        of_api: Path of the list in the API.
        query: The filters, which both paths take.
    """
    cursor = visit.query.get("cursor") or None
    answer = await visit.api.get(of_api, {**query, "limit": ROWS, "cursor": cursor})
    following = answer["nextCursor"]
    return Listed(
        answer["items"],
        _address(path, query),
        _address(path, {**query, "cursor": following}) if following else None,
        cursor is None,
    )


def _address(path: str, query: Query) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


@dataclass(frozen=True)
class Refusal:
    """A form that was not carried out."""

    form: Form = field(default_factory=Form)
    status: int = 422


def refusal(error: Problem | ApiAway, values: Mapping[str, str], texts: Texts, fields: Mapping[str, str]) -> Refusal:
    """Return the form with what the API says about it.

    Raises:
        Problem: the answer is not about what was entered: nobody is signed in, or there is no such thing.
    """
    if values.get("key") and (added := ADDED_BEFORE.get(error.slug if isinstance(error, Problem) else "")):
        # The same key would be refused again.
        return Refusal(Form({**values, "key": ""}, summary=texts(added)))
    if isinstance(error, Problem) and error.is_of_the_page:
        raise error
    status = 503 if isinstance(error, ApiAway) else error.status
    return Refusal(refused(error, values, texts, fields), status)
