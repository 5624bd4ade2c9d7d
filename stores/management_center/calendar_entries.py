"""Entries of calendars: days off (휴무) and extra shifts (추가 근무) of engineers, and of whole regions."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar
from uuid import uuid4

from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common.errors import AlreadyExists, NotFound
from domain.common.paging import Page
from domain.management_center.staff import DayOff, ExtraShift, WorkingHours
from stores.common.paging import Keyset
from stores.management_center import waiting_list as waiting
from stores.management_center.base import RegionLockedStore
from stores.management_center.bookings import mark_uncovered
from stores.management_center.tables import BOOKING, DAY_OFF, ENGINEER, EXTRA_SHIFT

Entry = TypeVar("Entry", DayOff, ExtraShift)

_REGION = select(ENGINEER.c.region).where(
    ENGINEER.c.engineer_id == bindparam("of_engineer"), ENGINEER.c.retired_at.is_(None)
)


@dataclass(frozen=True)
class EntryKind(Generic[Entry]):
    """One kind of entries, and where they are stored."""

    made: Callable[..., Entry]
    table: Table
    key: str
    """The column of the id."""
    adds_capacity: bool
    """Whether engineers work more by such an entry, and not less."""

    @property
    def order(self) -> Keyset:
        """The order of a list: by the last day."""
        return Keyset("lastDay", (self.table.c.last_day, self.table.c[self.key]))

    def entry(self, row: Any) -> Entry:
        """Return the entry that a row holds."""
        members = dict(row._mapping)
        begins, ends = members.pop("hours_from"), members.pop("hours_until")
        hours = None if begins is None else WorkingHours.of_minutes(begins, ends)
        return self.made(**members, hours=hours)

    def row(self, entry: Entry) -> dict[str, Any]:
        """Return the row that holds an entry."""
        members = dict(vars(entry))
        hours: WorkingHours | None = members.pop("hours")
        begins, ends = hours.minutes if hours is not None else (None, None)
        return {**members, "hours_from": begins, "hours_until": ends}


DAYS_OFF = EntryKind(DayOff, DAY_OFF, "day_off_id", adds_capacity=False)
EXTRA_SHIFTS = EntryKind(ExtraShift, EXTRA_SHIFT, "extra_shift_id", adds_capacity=True)


class CalendarEntries(RegionLockedStore):
    """Stores entries of calendars. Each change applies at once to booked visits and waiting orders.

    Every method raises `StoreUnavailable` if the database does not answer.
    """

    async def create_entry(
        self,
        kind: EntryKind[Entry],
        *,
        engineer_id: str | None,
        region: str | None,
        first_day: date,
        last_day: date,
        reason: str | None,
        hours: WorkingHours | None = None,
        entry_id: str | None = None,
    ) -> Entry:
        """Add an entry of an engineer, or of a region, with a new id if none is given.

        Visits that nobody covers any more go to other engineers. With more capacity, waiting orders become ready.

        Raises:
            NotFound: no engineer has this id.
            AlreadyExists: an entry has this id.
        """
        id_ = entry_id or uuid4().hex
        entry = kind.made(
            **{kind.key: id_},
            engineer_id=engineer_id,
            region=region,
            first_day=first_day,
            last_day=last_day,
            reason=reason,
            hours=hours,
        )

        async def work(connection: AsyncConnection) -> Entry:
            region = await self._lock_region_of(connection, entry)
            if region is None:
                raise NotFound("no engineer has this id")
            if (await connection.execute(_one(kind), {"of_id": id_})).one_or_none():
                raise AlreadyExists("an entry with this id already exists")
            await connection.execute(insert(kind.table), kind.row(entry))
            await self._apply(connection, entry, region, more_capacity=kind.adds_capacity)
            return entry

        return await self._database.transact(work)

    async def entry(self, kind: EntryKind[Entry], entry_id: str) -> Entry:
        """Return one entry.

        Raises:
            NotFound: no entry has this id.
        """
        return kind.entry(await self._one(_one(kind), entry_id))

    async def entries(
        self,
        kind: EntryKind[Entry],
        *,
        engineer_id: str | None = None,
        region: str | None = None,
        within: Collection[str] | None = None,
        first_day: date | None = None,
        last_day: date | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Entry]:
        """Return a page of the entries, ordered by their last day.

        Args:
            kind: The kind of entries.
            engineer_id: Only those of this engineer.
            region: Only those of this whole region.
            within: Only those of these whole regions, and of their engineers.
            first_day: Only those that have this day or a later one.
            last_day: Only those that have this day or an earlier one.
            limit: The largest number of items.
            cursor: Where the previous page ended.

        Raises:
            MalformedCursor: the cursor does not belong to this list.
        """
        of = kind.table.c
        statement = select(kind.table)
        if engineer_id is not None:
            statement = statement.where(of.engineer_id == engineer_id)
        if region is not None:
            statement = statement.where(of.region == region)
        if within is not None:
            theirs = select(ENGINEER.c.engineer_id).where(ENGINEER.c.region.in_(within))
            statement = statement.where(or_(of.region.in_(within), of.engineer_id.in_(theirs)))
        if first_day is not None:
            statement = statement.where(of.last_day >= first_day)
        if last_day is not None:
            statement = statement.where(of.first_day <= last_day)
        statement = kind.order.page(statement, limit=limit, cursor=cursor, dialect=self._database.dialect)
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement)).all()
        return kind.order.cut(rows, limit, kind.entry)

    async def remove_entry(self, kind: EntryKind[Entry], entry_id: str) -> None:
        """Remove an entry. This applies to visits and waiting orders as adding one does.

        Raises:
            NotFound: no entry has this id.
        """

        async def work(connection: AsyncConnection) -> None:
            entry = kind.entry(await self._row(connection, _one(kind), entry_id))
            region = await self._lock_region_of(connection, entry)
            await connection.execute(delete(kind.table).where(kind.table.c[kind.key] == entry_id))
            await self._apply(connection, entry, region, more_capacity=not kind.adds_capacity)

        await self._database.transact(work)

    async def _apply(
        self, connection: AsyncConnection, entry: DayOff | ExtraShift, region: str | None, *, more_capacity: bool
    ) -> None:
        await mark_uncovered(connection, self._rules, self._now(), _booked_then(entry))
        if more_capacity and region is not None:
            await waiting.capacity_appeared(connection, self._now(), region)

    async def _lock_region_of(self, connection: AsyncConnection, entry: DayOff | ExtraShift) -> str | None:
        """Lock and return the region concerned. None if the engineer does not exist."""
        region = entry.region
        if entry.engineer_id is not None:
            region = await connection.scalar(_REGION, {"of_engineer": entry.engineer_id})
        await self._lock(connection, region)
        return region


def _one(kind: EntryKind[Any]) -> Any:
    return select(kind.table).where(kind.table.c[kind.key] == bindparam("of_id"))


def _booked_then(entry: DayOff | ExtraShift) -> ColumnElement[bool]:
    whose = BOOKING.c.engineer_id == entry.engineer_id if entry.engineer_id else BOOKING.c.region == entry.region
    return and_(whose, BOOKING.c.day >= entry.first_day, BOOKING.c.day <= entry.last_day)
