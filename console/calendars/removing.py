"""A manager removes a day off or an extra shift. A page asks first, and names the visits in that time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from starlette.responses import Response

from console.calendars.engineers import engineer_of
from console.calendars.entries import Entry
from console.calendars.kinds import Kind
from console.forms import Form
from console.lists import Items, all_of
from console.managers import removal
from console.managers.center import Refusal
from console.page_request import PageRequest
from console.paths import path_of
from console.routing import Handler
from console.service import Api, ApiAway, Problem

_COMING = frozenset({"REQUESTED", "ACCEPTED", "STARTED"})
"""Statuses of visits that are still to be made."""
_SHOWN = 20


@dataclass(frozen=True)
class RemovePage:
    """The question whether to remove an entry."""

    kind: Kind
    path: str
    entry: Entry | None
    """None: it cannot be shown now."""
    visits: Items | None
    """The visits on the days of an extra shift, as the API has them. None: they cannot be shown now."""
    form: Form

    @property
    def shown(self) -> Sequence[Mapping[str, Any]]:
        """The first of the visits."""
        return self.visits.items[:_SHOWN] if self.visits else ()


def asking(kind: Kind) -> Handler:
    """Return what asks whether to remove an entry."""

    async def ask(visit: PageRequest) -> Response:
        return await visit.page("calendars/remove.html", await _page(visit, kind, Form()))

    return ask


def removing(kind: Kind) -> Handler:
    """Return what removes an entry. What is not there any more is removed, too."""

    async def remove(visit: PageRequest) -> Response:
        thing = path_of(kind.api, visit.path_value(kind.key))
        again = partial(_again, visit, kind)
        return await removal.remove(visit, thing, kind.path, removed=kind.removed, gone=kind.gone, again=again)

    return remove


async def _again(visit: PageRequest, kind: Kind, refused: Refusal) -> Response:
    try:
        page = await _page(visit, kind, refused.form)
    except (ApiAway, Problem):
        page = RemovePage(kind, kind.removal(visit.path_value(kind.key)), None, Items(), refused.form)
    return await visit.page("calendars/remove.html", page, refused.status)


async def _page(visit: PageRequest, kind: Kind, form: Form) -> RemovePage:
    entry_id = visit.path_value(kind.key)
    entry = await visit.api.get(path_of(kind.api, entry_id))
    engineer_id = entry["engineerId"]
    engineer = await engineer_of(visit.api, engineer_id) if engineer_id else None
    visits = Items() if kind.takes_time else await _visits(visit.api, entry)
    return RemovePage(kind, kind.removal(entry_id), Entry.of(entry, kind, visit.texts, engineer), visits, form)


async def _visits(api: Api, entry: Mapping[str, Any]) -> Items | None:
    """Return the visits on the days of an entry that are still to be made, or None if they cannot be read now."""
    query = {"engineerId": entry["engineerId"], "region": entry["region"], "from": entry["from"], "to": entry["to"]}
    try:
        found = await all_of(api, "/installations", query)
    except (ApiAway, Problem):
        return None
    return replace(found, items=[one for one in found.items if one["status"] in _COMING])
