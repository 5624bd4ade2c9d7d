"""Dispatch (배차): which orders are to have their engineer decided anew."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.management_center.dispatch import Due, FindDue
from stores.management_center import waiting_list as waiting
from stores.management_center.base import RegionLockedStore
from stores.management_center.candidates import CandidatePool
from stores.management_center.search import Search
from stores.management_center.tables import ASSIGNMENT, BOOKING, WAITING

_STRANDED_AT_ONCE = 20
_WAITING_AT_ONCE = 300
_NEEDS_AT_ONCE = 50
"""So many different ones are looked for; whoever comes after them stays due."""
_stranded = (
    select(BOOKING.c.order_id, ASSIGNMENT.c.decided_round)
    .join_from(BOOKING, ASSIGNMENT, ASSIGNMENT.c.order_id == BOOKING.c.order_id)
    .where(BOOKING.c.stranded == true(), BOOKING.c.visit_start > bindparam("now"))
)
_STRANDED = (
    _stranded.where(BOOKING.c.order_id.not_in(bindparam("put_off", expanding=True)))
    .order_by(BOOKING.c.visit_start, BOOKING.c.order_id)
    .limit(_STRANDED_AT_ONCE)
)
_ANYTHING = select(
    or_(
        _stranded.exists(),
        select(WAITING.c.order_id).where(WAITING.c.due_at <= bindparam("now")).exists(),
    )
)
_ROUND = select(ASSIGNMENT.c.decided_round).where(ASSIGNMENT.c.order_id == bindparam("of_order"))


class Dispatch(RegionLockedStore):
    """Every method raises `StoreUnavailable` where the database does not answer."""

    async def has_due(self) -> bool:
        """Whether `find_due` may find something."""
        async with self._database.reading() as connection:
            return bool(await connection.scalar(_ANYTHING, {"now": self._now()}))

    async def find_due(self, request: FindDue) -> list[Due]:
        """The orders to be told next, one after the other.

        First those whose engineer will not be there. Then the one that waits first of those that are due and could
        have something now; who could not is not due any more.
        """
        stranded = {"now": self._now(), "put_off": request.put_off}
        async with self._database.reading() as connection:
            rows = (await connection.execute(_STRANDED, stranded)).all()
            if rows:
                return [Due(*row) for row in rows]
            waits = (await connection.execute(waiting.due(self._now(), request.put_off).limit(_WAITING_AT_ONCE))).all()
        for region in dict.fromkeys(row.region for row in waits):
            found = await self._first_in(region, request.put_off)
            if found is not None:
                return [found]
        return []

    async def _first_in(self, region: str | None, put_off: Sequence[str]) -> Due | None:
        async def work(connection: AsyncConnection) -> Due | None:
            await self._lock(connection, region)
            now = self._now()
            waits = waiting.due(now, put_off).limit(_WAITING_AT_ONCE)
            if region is None:
                row = (await connection.execute(waits.where(WAITING.c.region.is_(None)))).first()
                found = row.order_id if row is not None else None
            else:
                line = _Line(connection, region, now, Search(connection, self._rules, now))
                found = await line.first(waits.where(WAITING.c.region == region))
            return Due(found, await connection.scalar(_ROUND, {"of_order": found}) or 0) if found else None

        return await self._database.transact(work)


@dataclass
class _Line:
    """Those who wait in one region."""

    connection: AsyncConnection
    region: str
    now: datetime
    search: Search
    hopeless: dict[CandidatePool, datetime] = field(default_factory=dict)
    """For whom there is nothing from when on."""

    async def first(self, waits: Select[Any]) -> str | None:
        """The first of them who could have something now, without taking it from those who go first."""
        rows = (await self.connection.execute(waits)).all()
        if rows and not await self._is_there_anything(CandidatePool(self.region), None):
            await waiting.not_due(self.connection, self.now, WAITING.c.region == self.region)
            return None
        in_vain: list[str] = []
        found, others_first = await self._go_through(rows, in_vain)
        if others_first:
            rows = (await self.connection.execute(waits)).all()
            in_vain.clear()
            found, _ = await self._go_through(rows, in_vain)
        if in_vain:
            await waiting.not_due(self.connection, self.now, WAITING.c.order_id.in_(in_vain))
        return found

    async def _go_through(self, rows: Sequence[Any], in_vain: list[str]) -> tuple[str | None, bool]:
        """Who it is; or that others who go first are due only now."""
        for row in rows:
            team = CandidatePool(self.region, tuple(row.skills or ()), tuple(row.passed_over))
            if not await self._is_there_anything(team, row.wanted):
                in_vain.append(row.order_id)
            elif await self._may_have_it(team, row):
                return row.order_id, False
            elif await waiting.have_them_go_first(self.connection, self.region, row.ordered_at, row.order_id, self.now):
                return None, True
            if len(self.hopeless) == _NEEDS_AT_ONCE:
                break
        return None, False

    async def _is_there_anything(self, team: CandidatePool, wanted: datetime | None) -> bool:
        start = max(wanted or self.search.earliest, self.search.earliest)
        if team in self.hopeless and start >= self.hopeless[team]:
            return False
        if await self.search.find(self.search.looks(team, start)) is not None:
            return True
        self.hopeless[team] = start
        return False

    async def _may_have_it(self, team: CandidatePool, row: Any) -> bool:
        bars = await waiting.bars_before(
            self.connection, self.region, row.ordered_at, row.order_id, self.now, self.search.earliest
        )
        return not bars or await self.search.find(self.search.looks(team, row.wanted), bars) is not None
