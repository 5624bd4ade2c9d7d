"""The list of event subscriptions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from console import labels
from console.event_subscriptions.addresses import KEY, OF_API, PATH
from console.event_subscriptions.standing import STATE, Standing, standing_of
from console.managers.center import Listed, Reach, listed, reach_of
from console.page_request import PageRequest
from console.paths import path_of


@dataclass(frozen=True)
class Row:
    """A subscription of the list."""

    facts: Mapping[str, Any]
    """As the API has it."""
    path: str
    standing: Standing
    owner: str
    """Who has made it, as a text."""


@dataclass(frozen=True)
class ListPage:
    """A page of the list."""

    state: str
    """The state by which it is filtered. Empty: all."""
    states: Mapping[str, str]
    rows: Sequence[Row]
    listing: Listed
    reach: Reach


async def show_list(visit: PageRequest) -> Response:
    """Show the subscriptions, the oldest first."""
    state = visit.query.get("state", "")
    listing = await listed(visit, PATH, OF_API, {"state": state if state in STATE else None})
    rows = [
        Row(facts, path_of(PATH, facts[KEY]), standing_of(facts), labels.actor(facts["owner"], visit.texts))
        for facts in listing.items
    ]
    page = ListPage(state, STATE, rows, listing, await reach_of(visit))
    return await visit.page("event_subscriptions/list.html", page)
