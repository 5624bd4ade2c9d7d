"""Lists in pages, by keyset: a page begins after the last key of the one before, whatever was added in between."""

from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some items of a list, and where the next ones begin (`None`: there are no more)."""

    items: list[Item]
    next_cursor: str | None = None
