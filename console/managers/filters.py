"""Filters of the board. The address of the page has all of them, so that it can be shared and gone back to."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from domain.orders import OrderStatus

OPEN = tuple(status.value for status in OrderStatus if not status.final)
"""The statuses of orders that have not ended."""


@dataclass(frozen=True)
class Filters:
    """Which orders a list has, in which order, and from where on. An order has to meet all conditions."""

    status: tuple[str, ...] = ()
    region: tuple[str, ...] = ()
    attention: str | None = None
    """`true`, `false`, or a reason."""
    engineer_id: str | None = None
    sort: str | None = None
    """As the API takes it. None: the newest order first."""
    cursor: str | None = None

    @classmethod
    def of(cls, query: QueryParams) -> Self:
        """Return the filters in an address. The API decides whether it knows their values."""
        return cls(
            tuple(query.getlist("status")),
            tuple(query.getlist("region")),
            query.get("attention") or None,
            query.get("engineerId") or None,
            query.get("sort") or None,
            query.get("cursor") or None,
        )

    @property
    def query(self) -> dict[str, Any]:
        """The filters as parameters: of the page, and of the API."""
        given = {
            "status": self.status,
            "region": self.region,
            "attention": self.attention,
            "engineerId": self.engineer_id,
            "sort": self.sort,
            "cursor": self.cursor,
        }
        return {name: value for name, value in given.items() if value}

    @property
    def conditions(self) -> "Filters":
        """The filters without order and position."""
        return replace(self, sort=None, cursor=None)

    @property
    def selective(self) -> bool:
        """Whether some orders are left out."""
        return self.conditions != Filters()

    def path(self, base: str = "/board", **changes: Any) -> str:
        """Return the address of a page with these filters and some changes. It begins with the first order again."""
        query = replace(self, **{"cursor": None, **changes}).query
        return f"{base}?{urlencode(query, doseq=True)}" if query else base

    def match(self, order: Mapping[str, Any]) -> bool:
        """Whether an order of the API meets the conditions."""
        attention = order["attention"]
        return (
            (not self.status or order["status"] in self.status)
            and (not self.region or order["region"] in self.region)
            and self.engineer_id in (None, order["engineerId"])
            and _asked(self.attention, attention["reason"] if attention else None)
        )


def _asked(wanted: str | None, reason: str | None) -> bool:
    if wanted in ("true", "false"):
        return (reason is not None) == (wanted == "true")
    return wanted in (None, reason)
