"""Parts of days off, extra shifts and national holidays: what is free then, and what becomes of booked visits."""

from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from domain.common import contexts
from domain.common.errors import NotFound
from domain.management_center.assignments import AssignmentRefusal, WhenNobody
from domain.management_center.staff import DayOff, ExtraShift, Weekday, WorkingHours
from stores.management_center.availability import Calendar
from stores.management_center.calendar_entries import DAYS_OFF, EXTRA_SHIFTS
from stores.management_center.candidates import CandidatePool
from tests.stores.center import DAY, HOUR, MIDNIGHT, NINE, SEOUL, Center

ONE, TWO, THREE = "kr-11-1", "kr-11-2", "kr-11-3"
MONDAY = date(2026, 7, 13)
ON_MONDAY: dict[str, Any] = {"first_day": MONDAY, "last_day": MONDAY, "reason": None}
ELEVEN, ONE_O_CLOCK, THREE_O_CLOCK = NINE + 2 * HOUR, NINE + 4 * HOUR, NINE + 6 * HOUR
ONLY_THAT: dict[str, Any] = {"exactly": True, "otherwise": WhenNobody.RELEASE}


@pytest.fixture
def context() -> str:
    return contexts.MANAGEMENT_CENTER


def hours(begins: float, ends: float) -> WorkingHours:
    return WorkingHours.of_minutes(int(begins * 60), int(ends * 60))


async def free(center: Center) -> list[int]:
    """Return how often each window of Monday is free, from 9 o'clock on."""
    found = {
        slot.window.start: slot.free for slot in (await center.store.offer(SEOUL, "p", MIDNIGHT, MIDNIGHT + DAY)).slots
    }
    return [found.get(NINE + number * 2 * HOUR, 0) for number in range(5)]


def on_a_holiday(center: Center) -> Center:
    """Return the same center after Monday has become a holiday."""
    return replace(center, rules=replace(center.rules, holidays=frozenset({MONDAY})))


async def test_hours_of_leave_take_every_window_that_they_overlap(center: Center) -> None:
    for order_id, start in (("a", NINE), ("b", ELEVEN), ("c", ONE_O_CLOCK)):
        assert await center.place(order_id, wanted=start, keep=ONE) == (ONE, start)
    off = await center.store.create_entry(DAYS_OFF, engineer_id=ONE, region=None, hours=hours(10.5, 11.5), **ON_MONDAY)

    assert await free(center) == [2, 2, 2, 3, 0]
    assert await center.due() == ["a", "b"]
    assert await center.place("a", wanted=NINE, keep=ONE, **ONLY_THAT) == (TWO, NINE)
    assert await center.place("d", engineer_id=ONE, wanted=NINE) == (ONE, THREE_O_CLOCK)
    await center.store.remove_entry(DAYS_OFF, off.day_off_id)
    assert await center.due() == []
    assert await free(center) == [2, 2, 2, 2, 0]


async def test_hours_off_of_a_region_take_the_windows_of_all(center: Center) -> None:
    await center.store.create_entry(DAYS_OFF, engineer_id=None, region="KR-11", hours=hours(15, 16), **ON_MONDAY)

    assert await free(center) == [3, 3, 3, 0, 0]
    assert await center.place("a", wanted=THREE_O_CLOCK, **ONLY_THAT) is AssignmentRefusal.VISIT_UNAVAILABLE


async def test_shifts_add_up_with_each_other_and_with_the_usual_hours(center: Center) -> None:
    store = center.store
    # Until 18 o'clock is usual; the window from 17 to 19 o'clock needs one hour more.
    await store.create_entry(EXTRA_SHIFTS, engineer_id=ONE, region=None, hours=hours(18, 18.5), **ON_MONDAY)
    assert await free(center) == [3, 3, 3, 3, 0]
    of_region = await store.create_entry(
        EXTRA_SHIFTS, engineer_id=None, region="KR-11", hours=hours(18.5, 20), **ON_MONDAY
    )
    assert await free(center) == [3, 3, 3, 3, 1]
    evening = NINE + 8 * HOUR
    assert await center.place("a", wanted=evening, **ONLY_THAT) == (ONE, evening)
    assert await center.place("b", wanted=evening, **ONLY_THAT) is AssignmentRefusal.VISIT_UNAVAILABLE
    await store.create_entry(EXTRA_SHIFTS, engineer_id=TWO, region=None, hours=hours(17, 19), **ON_MONDAY)
    await store.change_engineer(THREE, working_hours=hours(9, 18.5))
    assert await free(center) == [3, 3, 3, 3, 2]
    await store.remove_entry(EXTRA_SHIFTS, of_region.extra_shift_id)
    assert await center.due() == ["a"]
    assert await center.place("a", wanted=evening, keep=ONE, **ONLY_THAT) == (TWO, evening)


async def test_a_shift_without_hours_is_of_ones_own_and_a_day_off_goes_before_it(center: Center) -> None:
    store = center.store
    await store.change_engineer(ONE, working_days=[], working_hours=hours(11, 15))
    for engineer_id in (TWO, THREE):
        await store.change_engineer(engineer_id, working_days=[Weekday.TUE])
    assert await free(center) == [0] * 5
    await store.create_entry(EXTRA_SHIFTS, engineer_id=None, region="KR-11", hours=None, **ON_MONDAY)
    assert await free(center) == [2, 3, 3, 2, 0]
    whose: list[tuple[str | None, str | None, list[int]]] = [(ONE, None, [2, 2, 2, 2, 0]), (None, "KR-11", [0] * 5)]
    for one, region, left in whose:
        off = await store.create_entry(DAYS_OFF, engineer_id=one, region=region, hours=None, **ON_MONDAY)
        assert await free(center) == left
        await store.create_entry(EXTRA_SHIFTS, engineer_id=ONE, region=None, hours=None, **ON_MONDAY)
        assert await free(center) == left
        await store.remove_entry(DAYS_OFF, off.day_off_id)


async def test_a_holiday_takes_nothing_away_and_hands_nothing_over(center: Center) -> None:
    assert await center.place("before", wanted=NINE) == (ONE, NINE)
    center = on_a_holiday(center)

    assert await free(center) == [0] * 5
    assert await center.place("late", wanted=NINE, **ONLY_THAT) is AssignmentRefusal.VISIT_UNAVAILABLE
    await center.store.change_engineer(ONE, working_hours=hours(8, 18))
    assert await center.due() == []
    off = await center.store.create_entry(DAYS_OFF, engineer_id=ONE, region=None, hours=hours(9, 10), **ON_MONDAY)
    assert await center.due() == ["before"]
    assert await center.place("before", wanted=NINE, keep=ONE, **ONLY_THAT) is AssignmentRefusal.VISIT_UNAVAILABLE
    await center.store.remove_entry(DAYS_OFF, off.day_off_id)
    assert await center.due() == []


async def test_what_a_shift_sells_on_a_holiday_goes_with_the_shift_and_nothing_else(center: Center) -> None:
    assert await center.place("before", wanted=NINE) == (ONE, NINE)
    center = on_a_holiday(center)
    store = center.store
    await store.create_entry(EXTRA_SHIFTS, engineer_id=TWO, region=None, hours=hours(9, 11), **ON_MONDAY)
    # The visit of the engineer who has no shift takes no place from the one who has.
    assert await free(center) == [1, 0, 0, 0, 0]
    of_all = await store.create_entry(EXTRA_SHIFTS, engineer_id=None, region="KR-11", hours=None, **ON_MONDAY)
    assert await free(center) == [2, 3, 3, 3, 0]
    assert await center.place("by-one", wanted=NINE, **ONLY_THAT) == (TWO, NINE)
    assert await center.place("by-all", wanted=NINE, **ONLY_THAT) == (THREE, NINE)
    assert await free(center) == [0, 3, 3, 3, 0]
    await store.remove_entry(EXTRA_SHIFTS, of_all.extra_shift_id)
    assert await center.due() == ["by-all"]
    assert await free(center) == [0] * 5


async def test_who_is_off_is_told_from_who_does_not_work(center: Center) -> None:
    await center.store.create_entry(DAYS_OFF, engineer_id=ONE, region=None, hours=hours(9, 10), **ON_MONDAY)
    window = center.rules.grid.window_at(NINE)
    assert window is not None
    async with center.database.reading() as connection:
        pool = CandidatePool("KR-11")
        calendar = await Calendar.read(connection, pool, on_a_holiday(center).rules, NINE, NINE)
    usual = calendar.roster.hours(0b111111, 9 * 60, 18 * 60, None)
    for engineer_id, off in ((ONE, True), (TWO, False)):
        assert (calendar.is_off(engineer_id, window), calendar.works(engineer_id, usual, window)) == (off, False)


async def test_who_waits_goes_on_when_somebody_works_more(center: Center) -> None:
    off = await center.store.create_entry(DAYS_OFF, engineer_id=None, region="KR-11", hours=None, **ON_MONDAY)
    assert await center.place("w0") is AssignmentRefusal.NO_CAPACITY
    await center.store.create_entry(EXTRA_SHIFTS, engineer_id=ONE, region=None, hours=None, **ON_MONDAY)
    assert await center.due() == []  # the day off goes before
    await center.store.remove_entry(DAYS_OFF, off.day_off_id)
    assert await center.due() == ["w0"]
    assert await center.place("w0") == (ONE, NINE)
    await center.fill()
    assert await center.place("w1") is AssignmentRefusal.NO_CAPACITY
    await center.store.create_entry(EXTRA_SHIFTS, engineer_id=TWO, region=None, hours=hours(20, 21), **ON_MONDAY)
    assert await center.due() == []  # no window fits
    await center.store.create_entry(EXTRA_SHIFTS, engineer_id=TWO, region=None, hours=hours(18, 20), **ON_MONDAY)
    assert await center.due() == ["w1"]


async def test_entries_are_stored_as_they_were_given(center: Center) -> None:
    store = center.store
    whole: dict[str, Any] = {"first_day": MONDAY, "last_day": MONDAY + timedelta(days=365), "reason": "휴가 😀"}
    off = await store.create_entry(DAYS_OFF, engineer_id=ONE, region=None, hours=hours(0, 23 + 59 / 60), **whole)
    assert await store.entry(DAYS_OFF, off.day_off_id) == off
    assert off == DayOff(off.day_off_id, ONE, None, **whole, hours=WorkingHours.of_minutes(0, 23 * 60 + 59))
    shift = await store.create_entry(EXTRA_SHIFTS, engineer_id=None, region="KR-26", hours=None, **whole)
    assert await store.entry(EXTRA_SHIFTS, shift.extra_shift_id) == shift
    assert shift == ExtraShift(shift.extra_shift_id, None, "KR-26", **whole, hours=None)
    assert (await store.entries(EXTRA_SHIFTS, within={"KR-26"})).items == [shift]
    assert (await store.entries(EXTRA_SHIFTS, within={"KR-11"})).items == []
    assert (await store.entries(DAYS_OFF, within={"KR-11"})).items == [off]
    for gone in (
        store.entry(EXTRA_SHIFTS, "x"),
        store.remove_entry(EXTRA_SHIFTS, "x"),
        store.entry(DAYS_OFF, "x"),
        store.remove_entry(DAYS_OFF, "x"),
    ):
        with pytest.raises(NotFound):
            await gone
    for create in (partial(store.create_entry, EXTRA_SHIFTS), partial(store.create_entry, DAYS_OFF)):
        with pytest.raises(NotFound):
            await create(engineer_id="nobody", region=None, hours=None, **whole)
