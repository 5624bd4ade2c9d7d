"""Pages of lists, by keyset: a page begins after the last key of the previous page, whatever was added since."""

from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some items of a list, and the cursor of the next page (`None` on the last page)."""

    items: list[Item]
    next_cursor: str | None = None
