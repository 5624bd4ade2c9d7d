"""Extra shifts (추가 근무) of engineers, and of whole regions."""

from collections.abc import Collection
from datetime import date

from domain.common.paging import Page
from domain.management_center.staff import ExtraShift, WorkingHours
from stores.management_center.calendar_entries import CalendarEntries, EntryKind
from stores.management_center.tables import EXTRA_SHIFT

_EXTRA_SHIFTS = EntryKind(ExtraShift, EXTRA_SHIFT, "extra_shift_id", adds_capacity=True)


class ExtraShifts(CalendarEntries):
    """Stores extra shifts. Every method raises `StoreUnavailable` if the database does not answer."""

    async def create_extra_shift(
        self,
        *,
        engineer_id: str | None,
        region: str | None,
        first_day: date,
        last_day: date,
        reason: str | None,
        hours: WorkingHours | None = None,
    ) -> ExtraShift:
        """Add an extra shift of an engineer, or of a region. Orders that wait in its region become ready.

        Raises:
            NotFound: no engineer has this id.
        """
        return await self._create_entry(
            _EXTRA_SHIFTS,
            engineer_id=engineer_id,
            region=region,
            first_day=first_day,
            last_day=last_day,
            reason=reason,
            hours=hours,
        )

    async def extra_shift(self, extra_shift_id: str) -> ExtraShift:
        """Return one extra shift.

        Raises:
            NotFound: no extra shift has this id.
        """
        return await self._entry(_EXTRA_SHIFTS, extra_shift_id)

    async def extra_shifts(
        self,
        *,
        engineer_id: str | None = None,
        region: str | None = None,
        within: Collection[str] | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ExtraShift]:
        """Return a page of the extra shifts, as `_entries` does.

        Raises:
            MalformedCursor: the cursor does not belong to this list.
        """
        return await self._entries(
            _EXTRA_SHIFTS, engineer_id=engineer_id, region=region, within=within, limit=limit, cursor=cursor
        )

    async def remove_extra_shift(self, extra_shift_id: str) -> None:
        """Remove an extra shift. Visits that were booked by it become uncovered.

        Raises:
            NotFound: no extra shift has this id.
        """
        await self._remove_entry(_EXTRA_SHIFTS, extra_shift_id)
