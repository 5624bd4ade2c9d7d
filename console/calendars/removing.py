"""A manager removes a day off or an extra shift. A page asks first, and names the visits in that time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from console.calendars.entries import Entry
from console.calendars.kinds import Kind
from console.forms import Form
from console.managers.center import ENGINEERS, Refusal, every, refusal
from console.managers.order_reading import path_of
from console.page_request import PageRequest
from console.routing import Handler
from console.service import Api, ApiAway, Problem
from console.sessions import Flash

_COMING = frozenset({"REQUESTED", "ACCEPTED", "STARTED"})
"""Statuses of visits that are still to be made."""


@dataclass(frozen=True)
class RemovePage:
    """The question whether to remove an entry."""

    kind: Kind
    path: str
    entry: Entry | None
    """None: it cannot be shown now."""
    visits: Sequence[Mapping[str, Any]] | None
    """The visits on the days of an extra shift, as the API has them. None: they cannot be shown now."""
    form: Form


def asking(kind: Kind) -> Handler:
    """Return what asks whether to remove an entry."""

    async def ask(visit: PageRequest) -> Response:
        return await visit.page("calendars/remove.html", await _page(visit, kind, Form()))

    return ask


def removing(kind: Kind) -> Handler:
    """Return what removes an entry. What is not there any more is removed, too."""

    async def remove(visit: PageRequest) -> Response:
        entry_id = visit.path_value(kind.key)
        try:
            await visit.api.send("DELETE", path_of(kind.api, entry_id))
        except ApiAway as error:
            return await _again(visit, kind, refusal(error, {}, visit.texts, {}))
        except Problem as problem:
            if problem.status == HTTPStatus.NOT_FOUND:
                return visit.redirect(kind.path, Flash(visit.texts(kind.gone), "note"))
            return await _again(visit, kind, refusal(problem, {}, visit.texts, {}))
        return visit.redirect(kind.path, Flash(visit.texts(kind.removed)))

    return remove


async def _again(visit: PageRequest, kind: Kind, refused: Refusal) -> Response:
    try:
        page = await _page(visit, kind, refused.form)
    except (ApiAway, Problem):
        page = RemovePage(kind, kind.removal(visit.path_value(kind.key)), None, (), refused.form)
    return await visit.page("calendars/remove.html", page, refused.status)


async def _page(visit: PageRequest, kind: Kind, form: Form) -> RemovePage:
    entry_id = visit.path_value(kind.key)
    entry = await visit.api.get(path_of(kind.api, entry_id))
    engineer = await _engineer(visit.api, entry["engineerId"])
    visits = () if kind.takes_time else await _visits(visit.api, entry)
    return RemovePage(kind, kind.removal(entry_id), Entry.of(entry, kind, visit.texts, engineer), visits, form)


async def _engineer(api: Api, engineer_id: str | None) -> Mapping[str, Any] | None:
    if engineer_id is None:
        return None
    try:
        engineer: Mapping[str, Any] = await api.get(path_of(ENGINEERS, engineer_id))
    except Problem as problem:
        if problem.status != HTTPStatus.NOT_FOUND:
            raise
        return None
    return engineer


async def _visits(api: Api, entry: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
    """Return the visits on the days of an entry that are still to be made, or None if they cannot be read now."""
    query = {"engineerId": entry["engineerId"], "region": entry["region"], "from": entry["from"], "to": entry["to"]}
    try:
        found = await every(api, "/installations", query)
    except (ApiAway, Problem):
        return None
    return [one for one in found if one["status"] in _COMING]
