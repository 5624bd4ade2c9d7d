"""National holidays, extra shifts and parts of a day off, as they are seen in free windows and booked visits."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from runtime.holidays import NationalHolidays
from runtime.settings import Settings
from tests.api.problems import assert_problem
from tests.api.service import Service, but, serving
from tests.eventually import soon

DAYS_OFF, SHIFTS = "/managementCenters/daysOff", "/managementCenters/extraShifts"
HOLIDAYS, SLOTS = "/managementCenters/holidays", "/managementCenters/slots"
SEOUL = ZoneInfo("Asia/Seoul")
A_YEAR = 366 * 24 * 60 * 60
"""A horizon, in seconds, within which there is a holiday."""
MOON = "Moon"


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    """The API with the holidays that count by default."""
    async with serving(but(settings, holidays="KR")) as service:
        yield service


async def test_the_holidays_of_a_year_are_listed(service: Service) -> None:
    listed = (await service.http.get(HOLIDAYS, params={"year": 2026})).json()

    assert listed["nextCursor"] is None
    assert {"date": "2026-12-25", "name": "Christmas Day", "localName": "기독탄신일"} in listed["items"]
    substitute = {
        "date": "2026-08-17",
        "name": "Alternative holiday for Liberation Day",
        "localName": "광복절 대체 휴일",
    }
    assert substitute in listed["items"]
    days = [one["date"] for one in listed["items"]]
    assert days == sorted(set(days))
    this_year = (await service.http.get(HOLIDAYS)).json()["items"]
    assert {one["date"][:4] for one in this_year} <= {str(datetime.now(SEOUL).year), str(datetime.now(UTC).year)}
    assert len(this_year) > 10


@pytest.mark.parametrize("year", ["1999", "2101", "2026.5", "this", ""])
async def test_a_year_out_of_bounds_is_malformed(service: Service, year: str) -> None:
    assert_problem(await service.http.get(HOLIDAYS, params={"year": year}), 400, "malformed-request")


@pytest.mark.parametrize("year", ["2000", "2100"])
async def test_the_bounds_are_within(service: Service, year: str) -> None:
    assert (await service.http.get(HOLIDAYS, params={"year": year})).json()["items"]


async def test_where_none_count_none_are_listed_and_every_working_day_is_offered(
    without_temporal: Settings,
) -> None:
    async with serving(but(without_temporal, visit_horizon=A_YEAR)) as service:
        await service.hire()

        assert (await service.http.get(HOLIDAYS, params={"year": 2026})).json()["items"] == []
        assert await starts(service, next_holiday()) == ["09:00", "11:00", "13:00", "15:00"]


def next_holiday() -> date:
    """Return the next national holiday on which engineers usually work, at least three days from now."""
    today = datetime.now(SEOUL).date()
    known = NationalHolidays("KR")
    days = [day.date for year in (today.year, today.year + 1) for day in known.of(year)]
    return next(day for day in days if day >= today + timedelta(days=3) and day.weekday() < 6)


async def starts(service: Service, day: date) -> list[str]:
    """Return the local times at which free windows of a day on the moon begin, each as often as it is free."""
    begins = datetime(day.year, day.month, day.day, tzinfo=SEOUL).astimezone(UTC)
    times = [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (begins, begins + timedelta(days=1))]
    answer = await service.http.get(SLOTS, params={"address": MOON, "from": times[0], "to": times[1]})
    assert answer.status_code == 200, answer.text
    found = []
    for slot in answer.json()["items"]:
        found += [f"{datetime.fromisoformat(slot['start']).astimezone(SEOUL):%H:%M}"] * slot["free"]
    return found


async def make(service: Service, collection: str, **body: Any) -> str:
    answer = await service.http.post(collection, json=body)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


async def test_on_a_holiday_only_extra_shifts_are_offered_and_a_day_off_goes_before(
    without_temporal: Settings,
) -> None:
    async with serving(but(without_temporal, holidays="KR", visit_horizon=A_YEAR)) as service:
        engineer_id, day = await service.hire(), next_holiday()
        on = {"from": day.isoformat()}
        assert await starts(service, day) == []

        own = await make(service, SHIFTS, engineerId=engineer_id, hours={"from": "09:00", "until": "11:00"}, **on)
        assert await starts(service, day) == ["09:00"]
        await make(service, SHIFTS, region="KR-99", hours={"from": "11:00", "until": "12:00"}, **on)
        assert await starts(service, day) == ["09:00"]
        await make(service, SHIFTS, region="KR-99", hours={"from": "12:00", "until": "13:30"}, **on)
        assert await starts(service, day) == ["09:00", "11:00"]  # shifts add up
        off = await make(service, DAYS_OFF, engineerId=engineer_id, hours={"from": "12:30", "until": "12:31"}, **on)
        assert await starts(service, day) == ["09:00"]
        await service.http.delete(own)
        assert await starts(service, day) == []
        await service.http.delete(off)
        assert await starts(service, day) == ["11:00"]
        await make(service, SHIFTS, engineerId=engineer_id, **on)
        assert await starts(service, day) == ["09:00", "11:00", "13:00", "15:00"]  # the engineer's own hours


@pytest.mark.parametrize("collection", [DAYS_OFF, SHIFTS])
async def test_entries_of_a_span_are_those_that_have_one_of_its_days(
    without_temporal: Settings, collection: str
) -> None:
    async with serving(without_temporal) as service:
        days = [("2031-03-01", "2031-03-02"), ("2031-03-02", "2031-03-05"), ("2031-03-06", "2031-03-06")]
        for first, last in days:
            await make(service, collection, **{"region": "KR-99", "from": first, "to": last})

        async def listed(**span: str) -> list[str]:
            answer = await service.http.get(collection, params={"region": "KR-99", **span})
            return [one["from"] for one in answer.json()["items"]]

        first, second, third = (first for first, _ in days)
        assert await listed() == [first, second, third]
        assert await listed(**{"from": "2031-03-02"}) == [first, second, third]
        assert await listed(**{"from": "2031-03-03"}) == [second, third]
        assert await listed(to="2031-03-02") == [first, second]
        assert await listed(**{"from": "2031-03-03", "to": "2031-03-04"}) == [second]
        turned = await service.http.get(collection, params={"from": "2031-03-02", "to": "2031-03-01"})
        assert_problem(turned, 400, "malformed-request")


async def test_hours_of_leave_take_each_window_that_they_overlap_in_part(without_temporal: Settings) -> None:
    async with serving(without_temporal) as service:
        engineer_id = await service.hire(workingDays=["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"])
        day = datetime.now(SEOUL).date() + timedelta(days=3)
        both = {"from": day.isoformat(), "to": (day + timedelta(days=1)).isoformat()}

        await make(service, DAYS_OFF, engineerId=engineer_id, hours={"from": "12:59", "until": "13:30"}, **both)

        for on in (day, day + timedelta(days=1)):
            assert await starts(service, on) == ["09:00", "15:00"]
        assert len(await starts(service, day + timedelta(days=2))) == 4
        await make(service, DAYS_OFF, region="KR-99", hours={"from": "09:00", "until": "11:00"}, **both)
        assert await starts(service, day) == ["15:00"]


async def test_a_visit_of_an_extra_shift_that_is_taken_back_is_handed_over(service: Service) -> None:
    await service.work()
    day = {"from": (datetime.now(SEOUL).date() + timedelta(days=3)).isoformat()}
    shift = await make(service, SHIFTS, engineerId=await service.hire(workingDays=[]), **day)
    order_id = await service.requested(installationAddress=MOON)
    before = (await service.http.get(f"/orders/{order_id}")).json()
    assert datetime.fromisoformat(before["visit"]["start"]).astimezone(SEOUL).date().isoformat() == day["from"]
    nobody_else = {"name": "이둘", "region": "KR-99", "workingDays": []}
    other = (await service.http.post("/managementCenters/engineers", json=nobody_else)).json()["engineerId"]
    await make(service, SHIFTS, engineerId=other, **day)

    assert (await service.http.delete(shift)).status_code == 204

    async def handed_over() -> dict[str, Any] | None:
        order: dict[str, Any] = (await service.http.get(f"/orders/{order_id}")).json()
        return order if order["engineerId"] == other else None

    order = await soon(handed_over, what="the other engineer has the visit")
    assert order is not None
    assert order["visit"] == before["visit"]
