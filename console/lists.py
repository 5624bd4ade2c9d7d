"""Whole lists of the API. They are read page by page, up to a bound, and say whether that was all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.service import Api, Query

PAGE = 200
"""Items of one page."""
MOST_PAGES = 5


@dataclass(frozen=True)
class Items:
    """The items of a list."""

    items: Sequence[Mapping[str, Any]] = ()
    complete: bool = True
    """Whether these are all. If not, a page has to say so, or must not conclude that something is not there."""

    def and_(self, other: "Items") -> "Items":
        """Return the items of both lists."""
        return Items([*self.items, *other.items], self.complete and other.complete)


async def all_of(api: Api, path: str, query: Query | None = None) -> Items:
    """Return all items of a list, page by page, up to a thousand.

    Raises:
        Problem: the API refuses the query, or cannot answer it now.
        ApiAway: there is no answer.
    """
    found: list[Mapping[str, Any]] = []
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await api.get(path, {**(query or {}), "limit": PAGE, "cursor": cursor})
        found += page["items"]
        cursor = page["nextCursor"]
        if cursor is None:
            return Items(found)
    return Items(found, complete=False)
