"""A manager of the whole country removes a product, or gives up a service area. A page asks first."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from starlette.responses import Response

from console.catalog.kinds import Kind
from console.forms import Form
from console.managers import removal
from console.managers.center import Refusal, require_whole_country
from console.page_request import PageRequest
from console.paths import path_of
from console.routing import Handler
from console.service import ApiAway, Problem


@dataclass(frozen=True)
class RetirePage:
    """The question whether to give up a thing."""

    kind: Kind
    path: str
    """Where the form is sent."""
    change: str
    """Where the thing is changed instead."""
    values: Mapping[str, str]
    """Fields of the thing. Empty: it cannot be shown now."""
    form: Form


def asking(kind: Kind) -> Handler:
    """Return what asks whether to give up a thing."""

    async def ask(visit: PageRequest) -> Response:
        await require_whole_country(visit)
        return await _show(visit, kind, await _values(visit, kind))

    return ask


def retiring(kind: Kind) -> Handler:
    """Return what gives up a thing. What is not there any more is given up, too."""

    async def retire(visit: PageRequest) -> Response:
        thing = path_of(kind.api, visit.path_value(kind.key))
        again = partial(_again, visit, kind)
        return await removal.remove(visit, thing, kind.path, removed=kind.retired, gone=kind.gone, again=again)

    return retire


async def _values(visit: PageRequest, kind: Kind) -> Mapping[str, str]:
    return kind.values_of(await visit.api.get(path_of(kind.api, visit.path_value(kind.key))))


async def _again(visit: PageRequest, kind: Kind, refused: Refusal) -> Response:
    try:
        values = await _values(visit, kind)
    except (ApiAway, Problem):
        values = {}
    return await _show(visit, kind, values, refused)


async def _show(visit: PageRequest, kind: Kind, values: Mapping[str, str], refused: Refusal | None = None) -> Response:
    thing_id = visit.path_value(kind.key)
    form = refused.form if refused else Form()
    page = RetirePage(kind, kind.retirement_of(thing_id), kind.change_of(thing_id), values, form)
    return await visit.page("catalog/retire.html", page, refused.status if refused else 200)
