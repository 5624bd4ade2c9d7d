"""The stream of a list: orders that change, as rows of the list that is looked at.

The API does not filter the events, because a list has to show that an order leaves it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from starlette.datastructures import QueryParams
from starlette.responses import Response

from console.managers.filters import Filters
from console.managers.listing import ATTENTION, BOARD
from console.managers.rows import Row
from console.page_request import PageRequest

_SECONDS = len("2026-12-01T09:00:00")
_TEMPLATES = {BOARD: "managers/row.html", ATTENTION: "managers/attention_row.html"}


@dataclass(frozen=True)
class Followed:
    """The list that is looked at."""

    filters: Filters
    view: str
    since: str
    """When the list was made."""
    whole: bool
    """Whether it has every order that meets its filters."""

    @classmethod
    def of(cls, query: QueryParams) -> Self:
        """Return the list that an address of the stream names."""
        view = query.get("view", BOARD)
        return cls(Filters.of(query), view if view in _TEMPLATES else BOARD, query.get("since", ""), "whole" in query)

    @property
    def template(self) -> str:
        """The template of its rows."""
        return _TEMPLATES[self.view]

    def row(self, order: Mapping[str, Any]) -> Row:
        """Return an order that has changed, as a row."""
        here = self.filters.match(order)
        return Row.of(order, here=here, fresh=here and self._may_be_missing(order))

    def _may_be_missing(self, order: Mapping[str, Any]) -> bool:
        """Whether the list should be made anew if it has no such row. An order of another page is not missing."""
        history = order["history"]
        if self.filters.cursor is not None or not history:
            return False  # Without its history, an order was erased, long after it had ended.
        return self.whole or self.filters.selective or history[0]["at"][:_SECONDS] >= self.since[:_SECONDS]


async def follow(visit: PageRequest) -> Response:
    """Stream the changes of a list."""
    followed, me = Followed.of(visit.query), visit.person.subject

    def render(order: Mapping[str, Any]) -> str:
        row = followed.row(order)
        return visit.console.renderer.fragment(followed.template, visit.preferences.language, row=row, me=me)

    after = visit.request.headers.get("Last-Event-ID") or visit.query.get("after", "")
    return visit.console.streams.response(after, visit.api.headers, render)
