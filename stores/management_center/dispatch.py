"""Dispatch (배차): finds the orders whose engineer has to be decided again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, bindparam, func, select, true, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.management_center.dispatch import NO_REGION, Due, FindDue
from stores.common.columns import UtcDateTime
from stores.management_center import waiting_list as waiting
from stores.management_center.base import RegionLockedStore
from stores.management_center.candidates import CandidatePool
from stores.management_center.search import Search
from stores.management_center.tables import ASSIGNMENT, BOOKING, WAITING

_UNCOVERED_AT_ONCE = 20
_WAITING_AT_ONCE = 300
_NEEDS_AT_ONCE = 50
"""Distinct needs that one pass searches for. Orders after them stay ready."""
_POSTPONED_FOR = timedelta(minutes=1)
"""How long an order is left alone after it was asked in vain."""
_now = bindparam("now", type_=UtcDateTime)
_uncovered = (
    select(BOOKING.c.order_id, ASSIGNMENT.c.decided_round)
    .join_from(BOOKING, ASSIGNMENT, ASSIGNMENT.c.order_id == BOOKING.c.order_id)
    .where(BOOKING.c.stranded == true(), BOOKING.c.visit_start > _now, waiting.not_postponed(_now))
)
_UNCOVERED = (
    _uncovered.where(BOOKING.c.order_id.not_in(bindparam("put_off", expanding=True)))
    .order_by(BOOKING.c.visit_start, BOOKING.c.order_id)
    .limit(_UNCOVERED_AT_ONCE)
)
_DUE_REGIONS = union(
    _uncovered.with_only_columns(BOOKING.c.region),
    waiting.ready(_now).with_only_columns(func.coalesce(WAITING.c.region, NO_REGION)).order_by(None),
)
_POSTPONE = (
    update(ASSIGNMENT)
    .where(ASSIGNMENT.c.order_id == bindparam("of_order"), ASSIGNMENT.c.decided_round == bindparam("of_round"))
    .values(postponed_until=bindparam("until", type_=UtcDateTime))
)
_ROUND = select(ASSIGNMENT.c.decided_round).where(ASSIGNMENT.c.order_id == bindparam("of_order"))


class Dispatch(RegionLockedStore):
    """Finds orders to dispatch. Every method raises `StoreUnavailable` if the database does not answer."""

    async def due_regions(self) -> list[str]:
        """Return the regions in which `find_due` may find an order, `NO_REGION` among them."""
        async with self._database.reading() as connection:
            return sorted((await connection.scalars(_DUE_REGIONS, {"now": self._now()})).all())

    async def find_due(self, request: FindDue) -> list[Due]:
        """Return the orders to notify next, in this order.

        Orders whose visit is uncovered come first. If there are none, the result is the longest-waiting ready order
        that could get a window now. Ready orders that could not are no longer ready.
        """
        now, uncovered = self._now(), _UNCOVERED
        ready = waiting.ready(now, request.put_off).limit(_WAITING_AT_ONCE)
        if request.region is not None:
            uncovered = uncovered.where(BOOKING.c.region == request.region)
            ready = ready.where(WAITING.c.region == (request.region or None))
        async with self._database.reading() as connection:
            rows = (await connection.execute(uncovered, {"now": now, "put_off": request.put_off})).all()
            if rows:
                return [Due(*row) for row in rows]
            waiting_rows = (await connection.execute(ready)).all()
        for region in dict.fromkeys(row.region for row in waiting_rows):
            found = await self._first_in(region, request.put_off)
            if found is not None:
                return [found]
        return []

    async def postpone(self, due: Due) -> None:
        """Do not find an order for a while, unless another round is decided for it."""
        until = self._now() + _POSTPONED_FOR
        async with self._database.writing() as connection:
            await connection.execute(_POSTPONE, {"of_order": due.order_id, "of_round": due.round, "until": until})

    async def _first_in(self, region: str | None, put_off: Sequence[str]) -> Due | None:
        async def work(connection: AsyncConnection) -> Due | None:
            await self._lock(connection, region)
            now = self._now()
            ready = waiting.ready(now, put_off).limit(_WAITING_AT_ONCE)
            if region is None:
                row = (await connection.execute(ready.where(WAITING.c.region.is_(None)))).first()
                found = row.order_id if row is not None else None
            else:
                queue = _RegionQueue(connection, region, now, Search(connection, self._rules, now))
                found = await queue.first(ready.where(WAITING.c.region == region))
            return Due(found, await connection.scalar(_ROUND, {"of_order": found}) or 0) if found else None

        return await self._database.transact(work)


@dataclass
class _RegionQueue:
    """The orders that wait in one region."""

    connection: AsyncConnection
    region: str
    now: datetime
    search: Search
    without_capacity: dict[CandidatePool, datetime] = field(default_factory=dict)
    """Pools without free capacity, each with the time from which on they have none."""

    async def first(self, ready: Select[Any]) -> str | None:
        """Return the first order that could get a window now without taking it from an earlier order."""
        rows = (await self.connection.execute(ready)).all()
        if rows and not await self._has_capacity(CandidatePool(self.region), None):
            await waiting.not_ready(self.connection, self.now, WAITING.c.region == self.region)
            return None
        without_window: list[str] = []
        found, earlier_ready = await self._go_through(rows, without_window)
        if earlier_ready:
            rows = (await self.connection.execute(ready)).all()
            without_window.clear()
            found, _ = await self._go_through(rows, without_window)
        if without_window:
            await waiting.not_ready(self.connection, self.now, WAITING.c.order_id.in_(without_window))
        return found

    async def _go_through(self, rows: Sequence[Any], without_window: list[str]) -> tuple[str | None, bool]:
        """Return the order, or None and whether earlier orders have become ready by this."""
        for row in rows:
            pool = CandidatePool(self.region, tuple(row.skills or ()), tuple(row.passed_over))
            if not await self._has_capacity(pool, row.wanted):
                without_window.append(row.order_id)
            elif await self._may_take(pool, row):
                return row.order_id, False
            elif await waiting.make_earlier_ready(self.connection, self.region, row.ordered_at, row.order_id, self.now):
                return None, True
            if len(self.without_capacity) == _NEEDS_AT_ONCE:
                break
        return None, False

    async def _has_capacity(self, pool: CandidatePool, wanted: datetime | None) -> bool:
        start = max(wanted or self.search.earliest, self.search.earliest)
        if pool in self.without_capacity and start >= self.without_capacity[pool]:
            return False
        if await self.search.find(self.search.looks(pool, start)) is not None:
            return True
        self.without_capacity[pool] = start
        return False

    async def _may_take(self, pool: CandidatePool, row: Any) -> bool:
        holds = await waiting.holds_before(
            self.connection, self.region, row.ordered_at, row.order_id, self.now, self.search.earliest
        )
        return not holds or await self.search.find(self.search.looks(pool, row.wanted), holds) is not None
