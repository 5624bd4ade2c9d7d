"""Lists of installations. An index serves every combination of filters."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select, union_all

from domain.installation import InstallationStatus
from stores.common.paging import Keyset
from stores.installation.tables import INSTALLATION

Span = tuple[datetime | None, datetime | None]
"""From a point in time to before another. `None`: no limit."""

_BY_REQUEST = Keyset("requestedAt", (INSTALLATION.c.requested_at, INSTALLATION.c.order_id, INSTALLATION.c.round))
_BY_VISIT = Keyset("visitStart", (INSTALLATION.c.visit_start, INSTALLATION.c.order_id, INSTALLATION.c.round))


def seen_by(engineer_id: str | None = None, regions: Collection[str] | None = None) -> list[ColumnElement[bool]]:
    """Return the conditions for what an engineer sees, and what managers see: the orders of their regions.

    `None` does not limit.
    """
    found: list[ColumnElement[bool]] = []
    if engineer_id is not None:
        found.append(INSTALLATION.c.engineer_id == engineer_id)
    if regions is not None:
        found.append(INSTALLATION.c.region.in_(regions))
    return found


@dataclass(frozen=True)
class WorkList:
    """The filters of a list of installations. A list of a span is ordered by visit, others by request time."""

    engineer_id: str | None = None
    status: InstallationStatus | None = None
    span: Span | None = None
    """The span in which the visits begin."""
    regions: Collection[str] | None = None
    """The regions of the orders. `None`: all, including orders without a region."""

    @property
    def keyset(self) -> Keyset:
        """The keyset that orders the list."""
        return _BY_REQUEST if self.span is None else _BY_VISIT

    def page(self, *, limit: int, cursor: str | None, dialect: str) -> Any:
        """Return the statement for the page after the cursor, as `Keyset.page` does.

        Raises:
            MalformedCursor: the cursor does not belong to such a list.
        """

        def page_of(statement: Select[*tuple[Any, ...]]) -> Any:
            return self.keyset.page(statement, limit=limit, cursor=cursor, dialect=dialect)

        statement = self._filtered(select(INSTALLATION))
        regions = None if self.regions is None else sorted({*self.regions})
        if regions is None or self.engineer_id is not None or len(regions) < 2:
            return page_of(statement.where(*seen_by(regions=regions)))
        # No index returns the rows of several regions in the list's order, so the first keys of each region are merged.
        # Whole rows are not merged: they have texts of any length, and MariaDB would write them to a file.
        keys = self._filtered(select(*self.keyset.columns))
        pages = [page_of(keys.where(*seen_by(regions=[region]))).subquery() for region in regions]
        merged = union_all(*(select(page) for page in pages)).subquery()
        same = INSTALLATION.c.order_id == merged.c.order_id, INSTALLATION.c.round == merged.c.round
        rows = select(INSTALLATION).join(merged, and_(*same))
        return rows.order_by(*(merged.c[by.name] for by in self.keyset.columns)).limit(limit + 1)

    def _filtered(self, statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        statement = statement.where(*seen_by(self.engineer_id))
        if self.status is not None:
            statement = statement.where(INSTALLATION.c.status == self.status.value)
        if self.span is not None:
            start, end = self.span
            at = INSTALLATION.c.visit_start
            # Installations without a visit do not belong to any span.
            statement = statement.where(at.is_not(None) if start is None else at >= start)
            if end is not None:
                statement = statement.where(at < end)
        return statement
