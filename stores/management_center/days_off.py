"""Days off (휴무) of engineers, and of whole regions."""

from collections.abc import Collection
from datetime import date

from domain.common.paging import Page
from domain.management_center.staff import DayOff, WorkingHours
from stores.management_center.calendar_entries import CalendarEntries, EntryKind
from stores.management_center.tables import DAY_OFF

_DAYS_OFF = EntryKind(DayOff, DAY_OFF, "day_off_id", adds_capacity=False)


class DaysOff(CalendarEntries):
    """Stores days off. Every method raises `StoreUnavailable` if the database does not answer."""

    async def create_day_off(
        self,
        *,
        engineer_id: str | None,
        region: str | None,
        first_day: date,
        last_day: date,
        reason: str | None,
        hours: WorkingHours | None = None,
    ) -> DayOff:
        """Add a day off of an engineer, or of a region. Visits booked at that time become uncovered.

        Raises:
            NotFound: no engineer has this id.
        """
        return await self._create_entry(
            _DAYS_OFF,
            engineer_id=engineer_id,
            region=region,
            first_day=first_day,
            last_day=last_day,
            reason=reason,
            hours=hours,
        )

    async def day_off(self, day_off_id: str) -> DayOff:
        """Return one day off.

        Raises:
            NotFound: no day off has this id.
        """
        return await self._entry(_DAYS_OFF, day_off_id)

    async def days_off(
        self,
        *,
        engineer_id: str | None = None,
        region: str | None = None,
        within: Collection[str] | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[DayOff]:
        """Return a page of the days off, as `_entries` does.

        Raises:
            MalformedCursor: the cursor does not belong to this list.
        """
        return await self._entries(
            _DAYS_OFF, engineer_id=engineer_id, region=region, within=within, limit=limit, cursor=cursor
        )

    async def remove_day_off(self, day_off_id: str) -> None:
        """Remove a day off. Orders that wait in its region become ready.

        Raises:
            NotFound: no day off has this id.
        """
        await self._remove_entry(_DAYS_OFF, day_off_id)
