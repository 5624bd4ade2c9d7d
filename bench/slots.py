"""Free windows of a month, with few and with many bookings elsewhere, compared with a route that does nothing."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import uuid4

from sqlalchemy import insert

from bench.orders import BODY
from bench.report import Aim, Measurement, Row, milliseconds
from domain.management_center.staff import WORKING_DAYS, Weekday, WorkingHours
from domain.visits import TimeWindow, VisitGrid
from harness import stack, staff
from harness.http_client import Connection, connections
from stores.common.database import Database
from stores.management_center.tables import BOOKING

_BOOKINGS = 20_000
"""Bookings in the requested region and month."""
_TIMES_AS_MANY = 10
"""Factor of bookings elsewhere: half of them in other regions, the other half in other months."""
_MONTH = timedelta(days=30)
_OTHER_MONTHS = (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)
_OTHER_REGIONS = ("KR-26", "KR-27", "KR-28", "KR-41")
_AT_ONCE = 5_000
_NOTHING, _SLOTS = "/health/live", "/managementCenters/slots, a month"
_FLAT = 1.5
"""Maximum growth of the time with those bookings, with tolerance for noise."""


async def measure(*, quick: bool) -> Measurement:
    """Measure the durations of both routes, before and after adding bookings of other regions and months."""
    rounds, times = (100, 1) if quick else (1_000, _TIMES_AS_MANY)
    found = Measurement(f"Free windows of a month: {staff.ENGINEERS} engineers, {_BOOKINGS:,} bookings in it")
    durations: list[Mapping[str, Row]] = []
    async with (
        stack.running("temporal", "migration", "api") as running,
        staff.opened(running.settings) as database,
        connections(running.api, 1) as [connection],
    ):
        rules = running.settings.booking_rules
        month, _ = rules.bookable(datetime.now(UTC))
        path, calendar = _path(month), _Calendar(database, rules.grid)
        await calendar.book(staff.REGION, month, _BOOKINGS)
        for elsewhere in (0, times * _BOOKINGS):
            if elsewhere:
                await calendar.book_elsewhere(month, elsewhere)
            timed = {route: milliseconds(took) for route, took in (await _time(connection, path, rounds)).items()}
            found.rows += [{"route": route, "bookings elsewhere": elsewhere, **row} for route, row in timed.items()]
            durations.append(timed)
    before, after = durations
    for column in ("p50 ms", "p99 ms"):
        text = f"growth of the {column.split()[0]}, beside that of {_NOTHING} if it grows"
        found.aims.append(Aim(text, _growth(before, after, column), _FLAT))
    return found


def _path(month: datetime) -> str:
    query = {
        "address": BODY["installationAddress"],
        "productId": BODY["productId"],
        "from": f"{month:%Y-%m-%dT%H:%M:%SZ}",
        "to": f"{month + _MONTH:%Y-%m-%dT%H:%M:%SZ}",
    }
    return f"/managementCenters/slots?{urlencode(query)}"


def _growth(before: Mapping[str, Row], after: Mapping[str, Row], column: str) -> float:
    """Return the growth of the duration, compared with the route that does nothing."""
    nothing, slots = (float(after[route][column]) / float(before[route][column]) for route in (_NOTHING, _SLOTS))
    return slots / max(nothing, 1)


async def _time(connection: Connection, path: str, rounds: int) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {_NOTHING: [], _SLOTS: []}
    for _ in range(rounds):
        for route, requested in ((_NOTHING, _NOTHING), (_SLOTS, path)):
            seconds, answer = await connection.timed(requested)
            took[route].append(seconds)
        if not answer.document()["items"]:
            raise RuntimeError(f"GET {path}: nothing is free")
    return took


class _Calendar:
    """Books visits directly in the management center's store."""

    def __init__(self, database: Database, grid: VisitGrid) -> None:
        self._database = database
        self._grid = grid

    async def book_elsewhere(self, month: datetime, count: int) -> None:
        """Book visits in other regions and other months, in equal parts."""
        for region in _OTHER_REGIONS:
            await self.book(region, month, count // 2 // len(_OTHER_REGIONS))
        for months in _OTHER_MONTHS:
            await self.book(staff.REGION, month + months * _MONTH, count // 2 // len(_OTHER_MONTHS))

    async def book(self, region: str, month: datetime, count: int) -> None:
        """Book visits in a month at random, with engineers of a region."""
        engineers = await staff.hire(self._database, region)
        places = [(engineer_id, window) for window in self._windows(month) for engineer_id in engineers]
        rows = [self._row(region, *place) for place in random.sample(places, count)]
        for first in range(0, count, _AT_ONCE):
            async with self._database.writing() as connection:
                await connection.execute(insert(BOOKING), rows[first : first + _AT_ONCE])

    def _windows(self, month: datetime) -> Sequence[TimeWindow]:
        return [window for window in self._grid.windows(month, month + _MONTH) if self._worked(window)]

    def _worked(self, window: TimeWindow) -> bool:
        """Whether the window lies in the default working hours of an engineer."""
        begins, ends = self._grid.minutes_of(window)
        from_, until = (at.hour * 60 + at.minute for at in (WorkingHours().start, WorkingHours().end))
        weekday = list(Weekday)[self._grid.day_of(window.start).weekday()]
        return weekday in WORKING_DAYS and from_ <= begins and ends <= until

    def _row(self, region: str, engineer_id: str, window: TimeWindow) -> dict[str, object]:
        return {
            "order_id": uuid4().hex,
            "engineer_id": engineer_id,
            "visit_start": window.start,
            "seat": 0,
            "visit_end": window.end,
            "day": self._grid.day_of(window.start),
            "region": region,
            "skills": [],
            "stranded": False,
        }
