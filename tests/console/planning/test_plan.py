"""A plan says what the management center would: who works, who is booked, and who is free."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from console.planning.calendars import Booked, Entry, Member
from console.planning.plan import EngineerDay, Plan, State
from console.texts import Texts
from domain.visits import TimeWindow, VisitGrid

SEOUL = ZoneInfo("Asia/Seoul")
GRID = VisitGrid(zone=SEOUL)
FRIDAY = date(2026, 12, 4)
SATURDAY, SUNDAY = FRIDAY + timedelta(days=1), FRIDAY + timedelta(days=2)
LONG_BEFORE = datetime(2026, 11, 1, tzinfo=UTC)
ENGINEER = {
    "engineerId": "e-1",
    "name": "김민준",
    "region": "KR-11",
    "active": True,
    "skills": [],
    "workingDays": ["MON", "TUE", "WED", "THU", "FRI"],
    "workingHours": {"from": "09:00", "until": "18:00"},
    "visitsPerWindow": None,
}


def engineer(**changes: Any) -> Member:
    return Member.of(ENGINEER | changes, 1)


def entry(first: date, last: date | None = None, *, hours: Any = None, **whose: str) -> Entry:
    given = {"from": hours[0], "until": hours[1]} if hours else None
    days = {"from": first.isoformat(), "to": (last or first).isoformat()}
    return Entry.of({"engineerId": None, "region": None, "hours": given, **days, **whose})


def visit(day: date, hour: int, *, engineer_id: str = "e-1", length: int = 2) -> Booked:
    start = datetime.combine(day, time(hour), SEOUL).astimezone(UTC)
    window = TimeWindow(start, start + timedelta(hours=length))
    return Booked(f"o-{hour}", engineer_id, "김민준", "이서연", "ACCEPTED", window, day)


def on(day: date, *, member: Member | None = None, **parts: Any) -> EngineerDay:
    plan = Plan(GRID, parts.pop("now", LONG_BEFORE), day, day, [member or engineer()], **parts)
    return plan.rows[0].days[0]


def states(day: EngineerDay) -> dict[str, str]:
    return {f"{cell.window.start.astimezone(SEOUL):%H}": str(cell.state) for cell in day.cells}


def free_at(day: EngineerDay) -> list[str]:
    return [f"{cell.window.start.astimezone(SEOUL):%H}" for cell in day.cells for _ in range(cell.free)]


def test_whoever_works_and_has_no_visit_is_free_and_never_outside_of_the_hours() -> None:
    usual = on(FRIDAY)

    assert free_at(usual) == ["09", "11", "13", "15"]
    assert states(usual)["17"] == State.OFF
    assert free_at(on(FRIDAY, member=engineer(visitsPerWindow=2))) == ["09", "09", "11", "11", "13", "13", "15", "15"]
    assert on(SATURDAY).blank


def test_whoever_is_not_active_is_free_at_no_time() -> None:
    assert on(FRIDAY, member=engineer(active=False)).blank


@pytest.mark.parametrize("whose", [{"engineerId": "e-1"}, {"region": "KR-11"}])
def test_a_day_off_takes_every_window_that_it_overlaps(whose: dict[str, Any]) -> None:
    assert free_at(on(FRIDAY, off=[entry(FRIDAY - timedelta(days=3), FRIDAY, **whose)])) == []
    morning = on(FRIDAY, off=[entry(FRIDAY, hours=("09:00", "11:30"), **whose)])
    assert free_at(morning) == ["13", "15"]
    assert states(morning)["11"] == State.DAY_OFF
    assert [each.label for each in morning.off] == ["09:00–11:30"]


@pytest.mark.parametrize("whose", [{"engineerId": "e-2"}, {"region": "KR-26"}])
def test_a_day_off_of_somebody_else_takes_nothing(whose: dict[str, Any]) -> None:
    assert len(free_at(on(FRIDAY, off=[entry(FRIDAY, **whose)]))) == 4


def test_a_day_off_outside_of_the_hours_is_not_spoken_of() -> None:
    assert on(SATURDAY, off=[entry(SATURDAY, engineerId="e-1")]).off == ()


def test_on_a_holiday_nobody_is_free_but_in_an_extra_shift() -> None:
    holiday = {FRIDAY: "Holiday"}

    assert set(states(on(FRIDAY, holidays=holiday)).values()) == {State.HOLIDAY, State.OFF}
    shift = entry(FRIDAY, hours=("09:00", "13:00"), engineerId="e-1")
    worked = on(FRIDAY, holidays=holiday, shifts=[shift])
    assert free_at(worked) == ["09", "11"]
    assert [cell.extra for cell in worked.cells][:3] == [True, True, False]
    assert not on(SATURDAY, holidays={SATURDAY: "Holiday"}).has(State.HOLIDAY)


def test_an_extra_shift_adds_work_and_a_day_off_goes_before_it() -> None:
    shift = entry(SATURDAY, SUNDAY, engineerId="e-1")

    assert free_at(on(SATURDAY, shifts=[shift])) == ["09", "11", "13", "15"]
    assert free_at(on(SATURDAY, shifts=[shift], off=[entry(SATURDAY, region="KR-11")])) == []
    assert not on(FRIDAY, shifts=[entry(FRIDAY, engineerId="e-1")]).extra


def test_what_is_booked_is_not_free() -> None:
    day = on(FRIDAY, visits=[visit(FRIDAY, 11)])

    assert free_at(day) == ["09", "13", "15"]
    assert states(day)["11"] == State.FULL
    assert [each.order_id for each in day.visits] == ["o-11"]
    assert free_at(on(FRIDAY, member=engineer(visitsPerWindow=2), visits=[visit(FRIDAY, 11)])).count("11") == 1


def test_a_visit_of_another_grid_is_shown_and_takes_what_it_overlaps() -> None:
    day = on(FRIDAY, visits=[visit(FRIDAY, 12)])

    assert free_at(day) == ["09", "15"]
    assert [each.order_id for each in day.visits] == ["o-12"]


def test_what_has_begun_is_not_free_any_more() -> None:
    noon = datetime.combine(FRIDAY, time(12), SEOUL).astimezone(UTC)

    assert free_at(on(FRIDAY, now=noon)) == ["13", "15"]


def test_a_visit_of_somebody_who_is_not_among_the_engineers_is_not_left_out() -> None:
    plan = Plan(GRID, LONG_BEFORE, FRIDAY, FRIDAY, [engineer()], visits=[visit(FRIDAY, 9, engineer_id="guest")])

    assert [row.member.engineer_id for row in plan.rows] == ["e-1", "guest"]
    assert [len(row.days[0].visits) for row in plan.rows] == [0, 1]
    assert plan.rows[1].days[0].free == 0


def test_a_visit_that_nobody_makes_is_in_no_plan() -> None:
    window = {"start": "2026-12-04T00:00:00Z", "end": "2026-12-04T02:00:00Z"}
    row = {
        "orderId": "o",
        "engineerId": "e-1",
        "engineerName": None,
        "customerName": None,
        "productName": "internet",
        "visit": window,
    }
    texts = Texts("en", SEOUL)

    found = {
        status: Booked.of(row | {"status": status}, texts)
        for status in ("REQUESTED", "ACCEPTED", "STARTED", "COMPLETED", "INCOMPLETE", "DECLINED", "CANCELED", "NEW")
    }

    assert [status for status, booked in found.items() if booked is None] == ["DECLINED", "CANCELED"]
    requested = found["REQUESTED"]
    assert requested is not None
    assert (requested.who, requested.engineer_name, requested.day) == ("internet", "e-1", FRIDAY)
    assert Booked.of(row | {"status": "ACCEPTED", "visit": None}, texts) is None
