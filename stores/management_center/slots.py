"""Free visit windows (예약 가능 시간), for placing and rescheduling orders."""

from datetime import datetime, timedelta

from domain.management_center.offers import Offer
from domain.management_center.staff import Slot
from stores.management_center.areas import ServiceAreas
from stores.management_center.availability import Calendar
from stores.management_center.candidates import CandidatePool

_NEAR = timedelta(days=7)


class Slots(ServiceAreas):
    """Finds free visit windows. Every method raises `StoreUnavailable` if the database does not answer."""

    async def offer(
        self, address: str, product_id: str | None, start: datetime, end: datetime, *, order_id: str | None = None
    ) -> Offer:
        """Return the windows that begin in this span and can be booked now for the address, in order.

        If the address is ambiguous, the region of the order's assignments decides.
        """
        earliest, latest = self._rules.bookable(self._now())
        return await self._free(address, product_id, max(start, earliest), min(end, latest), order_id)

    async def slots_near(
        self, address: str, product_id: str | None, wanted: datetime, *, count: int = 5, order_id: str | None = None
    ) -> list[Slot]:
        """Return the bookable windows of an address that begin nearest to a wanted start, in order."""
        earliest, latest = self._rules.bookable(self._now())
        middle = min(max(wanted, earliest), latest)
        first, last = max(middle - _NEAR, earliest), min(middle + _NEAR, latest)
        found = (await self._free(address, product_id, first, last, order_id)).slots
        if len(found) < count:
            found = (await self._free(address, product_id, earliest, latest, order_id)).slots
        nearest = sorted(found, key=lambda slot: abs(slot.window.start - wanted))[:count]
        return sorted(nearest, key=lambda slot: slot.window.start)

    async def _free(
        self, address: str, product_id: str | None, start: datetime, end: datetime, order_id: str | None
    ) -> Offer:
        windows = list(self._rules.grid.windows(start, end)) if start < end else []
        async with self._database.reading() as connection:
            placement, skills = await self._locate(connection, address, product_id, order_id)
            if placement.region is None or not windows:
                return Offer(placement)
            pool = CandidatePool(placement.region, skills)
            calendar = await Calendar.read(connection, pool, self._rules, start, end)
            return Offer(placement, await calendar.free(windows))
