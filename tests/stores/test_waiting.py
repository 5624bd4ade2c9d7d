"""Which orders wait, in which order, and what makes them ready."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import select

from domain.common import contexts
from domain.common.errors import StoreUnavailable
from domain.management_center.assignments import AssignmentRefusal, ReleaseAssignment, WhenNobody
from domain.management_center.staff import Weekday, WorkingHours
from stores.management_center.calendar_entries import DAYS_OFF
from stores.management_center.tables import SERVICE_AREA
from tests.databases import SQLITE, kinds
from tests.stores.center import DAY, HOUR, MIDNIGHT, NINE, NOWHERE, RULES, SEOUL, Center
from tests.stores.conftest import Connect

NO_CAPACITY, NO_ENGINEER = AssignmentRefusal.NO_CAPACITY, AssignmentRefusal.NO_ENGINEER
ONE, TWO, THREE = "kr-11-1", "kr-11-2", "kr-11-3"
MONDAY = date(2026, 7, 13)


@pytest.fixture
def context() -> str:
    return contexts.MANAGEMENT_CENTER


async def test_who_has_waited_longest_goes_first_and_nobody_overtakes(center: Center) -> None:
    full = await center.fill()
    waits = ["w2", "w0", "w1"]
    assert [await center.place(order_id) for order_id in waits] == [NO_CAPACITY] * 3
    assert (await center.store.due_regions(), await center.due()) == ([], [])
    await center.close(full[0])
    assert (await center.store.due_regions(), await center.due()) == (["KR-11"], ["w0"])
    # It is for who waits, whoever asks first: one who was taken later, or who has waited less.
    assert await center.place("x") is NO_CAPACITY
    assert await center.place("w1") is NO_CAPACITY
    assert await center.due() == ["w0"]
    assert await center.place("w0") == (ONE, NINE)
    assert await center.due() == []
    await center.close(full[1])
    await center.close(full[2])
    assert await center.due() == ["w1"]
    assert await center.place("w1") == (TWO, NINE)
    # Whoever goes first and does not answer is not passed by, either.
    assert await center.due("w2") == []
    assert await center.place("x") is NO_CAPACITY
    await center.close("w2")
    assert await center.due() == ["x"]


async def test_what_who_waits_longer_cannot_use_is_for_others(center: Center) -> None:
    store = center.store
    await store.create_product("fibre", ["fibre"])
    await store.change_engineer(ONE, skills=["fibre"])
    full = await center.fill()
    assert await center.place("w0", product_id="fibre") is NO_CAPACITY
    assert await center.place("w1", passed_over=[TWO]) is NO_CAPACITY
    assert await center.place("w2", wanted=NINE + 2 * HOUR) is NO_CAPACITY
    await center.close(full[1])
    assert await center.due() == []
    assert await center.place("x") == (TWO, NINE)
    await center.close(full[4])
    assert await center.due() == ["w2"]
    assert await center.place("y") is NO_CAPACITY
    await center.close(full[0])
    assert await center.due() == ["w0"]
    await center.store.change_product("fibre", skills=["tv"])
    assert await center.due() == ["w1"]
    assert await center.place("w1", passed_over=[TWO]) == (ONE, NINE)
    assert await center.place("w2", wanted=NINE + 2 * HOUR) == (TWO, NINE + 2 * HOUR)


async def test_an_order_for_which_enough_have_been_asked_waits_for_new_capacity(center: Center) -> None:
    full = await center.fill()
    await center.close(full[0])
    assert await center.place("w0", enough=True) is NO_ENGINEER
    assert await center.due() == []
    center.now += 2 * HOUR
    assert await center.due() == []
    await center.store.change_engineer(TWO, name="N", working_hours=WorkingHours(time(9), time(17)))
    assert await center.due() == []
    # Until then it keeps nothing from others.
    assert await center.place("x") == (ONE, NINE)
    await center.close("x")
    assert await center.place("y") is NO_CAPACITY
    assert await center.due() == ["w0"]
    assert await center.place("w0") == (ONE, NINE)


async def test_time_brings_windows_too(center: Center) -> None:
    await center.fill()
    await center.place("w0")
    await center.place("w1", otherwise=WhenNobody.RELEASE)
    center.now += 10 * HOUR
    assert await center.due() == ["w0"]
    assert await center.place("w0") == (ONE, NINE + DAY)
    assert await center.store.due_regions() == []


async def test_who_waits_longer_is_woken_by_whoever_would_overtake(center: Center) -> None:
    full = await center.fill()
    center.now = NINE - 5 * HOUR / 6
    assert await center.place("w1") is NO_CAPACITY
    center.now = NINE - HOUR / 6
    assert await center.place("w0") is NO_CAPACITY
    # The windows of Tuesday open, one after the other.
    center.now = NINE + HOUR / 4
    assert await center.due() == ["w0"]
    for number in range(3):
        await center.place(f"a{number}")
    assert await center.place("w0") is NO_CAPACITY
    assert await center.due() == []
    center.now = NINE + 2 * HOUR + HOUR / 10
    later = {"wanted": NINE + DAY + 2 * HOUR, "exactly": True, "otherwise": WhenNobody.KEEP, "ordered_at": MIDNIGHT}
    assert await center.place(full[11], **later) is AssignmentRefusal.VISIT_UNAVAILABLE
    assert await center.due() == ["w0"]


async def hire(center: Center) -> None:
    await center.store.create_engineer(name="N", region="KR-11")


async def move_in(center: Center) -> None:
    await center.store.change_engineer("kr-26-1", region="KR-11")


async def release(center: Center) -> None:
    await center.store.release_assignment(ReleaseAssignment("full-05", 1))


async def reschedule(center: Center) -> None:
    assert await center.place("full-05", engineer_id="kr-26-1", wanted=NINE) == ("kr-26-1", NINE)


async def decline(center: Center) -> None:
    assert await center.place("full-05", passed_over=[ONE, TWO, THREE]) is NO_ENGINEER


NEWS: dict[str, Callable[[Center], Awaitable[Any]]] = {
    "somebody is hired": hire,
    "somebody moves in": move_in,
    "a window is released": release,
    "a visit goes to another region": reschedule,
    "an order has been declined by all": decline,
    "longer hours": lambda center: center.store.change_engineer(ONE, working_hours=WorkingHours(time(9), time(20))),
    "more visits at a time": lambda center: center.store.change_engineer(ONE, visits_per_window=2),
}


@pytest.mark.parametrize("kind", [SQLITE])
@pytest.mark.parametrize("news", NEWS)
async def test_capacity_of_any_kind_brings_on_who_waits(center: Center, news: str) -> None:
    await center.fill()
    await center.place("w0")
    assert await center.store.due_regions() == []
    await NEWS[news](center)
    assert await center.due() == ["w0"]
    assert isinstance(await center.place("w0"), tuple)


async def test_back_at_work_brings_on_who_waits(center: Center) -> None:
    store = center.store
    for engineer_id in (ONE, TWO):
        await store.change_engineer(engineer_id, active=False)
    off = [
        await store.create_entry(
            DAYS_OFF, engineer_id=engineer_id, region=region, first_day=MONDAY, last_day=MONDAY, reason="r"
        )
        for engineer_id, region in ((THREE, None), (None, "KR-11"))
    ]
    assert await center.place("w0") is NO_CAPACITY
    assert await center.place("w1", product_id="tv") is NO_CAPACITY
    await store.remove_entry(DAYS_OFF, off[0].day_off_id)
    assert await center.due() == []
    await store.remove_entry(DAYS_OFF, off[1].day_off_id)
    assert await center.due() == ["w0"]
    await store.create_product("2001", ["fibre"])
    assert await center.place("w0") is NO_ENGINEER
    assert await center.due() == ["w1"]
    await store.change_engineer(ONE, active=True, working_days=[Weekday.SUN], skills=["fibre"])
    assert await center.due() == ["w1"]
    await store.change_engineer(ONE, working_days=[Weekday.MON])
    assert await center.due() == ["w0"]


async def test_an_order_of_nowhere_waits_for_its_area(center: Center) -> None:
    assert await center.place("w0", installation_address=NOWHERE) is AssignmentRefusal.NO_SERVICE_AREA
    center.now += 2 * HOUR
    assert await center.due() == []
    area = await center.store.create_service_area(region="JP-13", name="Osaka", local_name="大阪", matches=["Osaka"])
    assert await center.due() == ["w0"]
    assert await center.place("w0", installation_address=NOWHERE) is AssignmentRefusal.NO_SERVICE_AREA
    assert await center.due() == []
    await center.store.change_service_area(area.service_area_id, matches=["Tokyo"])
    assert await center.due() == ["w0"]
    assert await center.place("w0", installation_address=NOWHERE) is NO_ENGINEER
    await center.store.create_engineer(name="N", region="JP-13")
    assert await center.due() == ["w0"]


async def strand_by_day_off(center: Center) -> None:
    await center.store.create_entry(
        DAYS_OFF, engineer_id=ONE, region=None, first_day=MONDAY, last_day=MONDAY, reason=None
    )


ABSENT: dict[str, Callable[[Center], Awaitable[Any]]] = {
    "inactive": lambda center: center.store.change_engineer(ONE, active=False),
    "retired": lambda center: center.store.retire_engineer(ONE),
    "off": strand_by_day_off,
    "elsewhere": lambda center: center.store.change_engineer(ONE, region="KR-26"),
    "without the skill": lambda center: center.store.change_engineer(ONE, skills=[]),
    "on other days": lambda center: center.store.change_engineer(ONE, working_days=[Weekday.TUE]),
    "in other hours": lambda center: center.store.change_engineer(ONE, working_hours=WorkingHours(time(13), time(18))),
}


@pytest.mark.parametrize("kind", [SQLITE])
@pytest.mark.parametrize("why", ABSENT)
async def test_visits_of_an_engineer_who_is_not_there_are_handed_on_the_first_first(center: Center, why: str) -> None:
    await center.store.create_product("fibre", ["fibre"])
    await center.store.change_engineer(ONE, skills=["fibre"])
    await center.store.change_engineer(TWO, skills=["fibre"])
    for order_id, start in (("b", NINE + 2 * HOUR), ("a", NINE), ("c", NINE + 4 * HOUR)):
        assert await center.place(order_id, product_id="fibre", wanted=start, keep=ONE) == (ONE, start)
    center.now = NINE
    await ABSENT[why](center)
    affected = ["b"] if why == "in other hours" else ["b", "c"]
    assert (await center.store.due_regions(), await center.due()) == (["KR-11"], affected)
    assert await center.due("b") == affected[1:]
    handing_on = {"product_id": "fibre", "exactly": True, "otherwise": WhenNobody.RELEASE}
    assert await center.place("b", wanted=NINE + 2 * HOUR, keep=ONE, **handing_on) == (TWO, NINE + 2 * HOUR)
    assert await center.due() == affected[1:]


async def test_a_holiday_strands_a_whole_region_and_its_end_brings_it_back(center: Center) -> None:
    center = Center(center.database, replace(RULES, horizon=3 * DAY))
    busan = await center.place("elsewhere", installation_address="Busan")
    for number in range(3):
        await center.place(f"o{number}", wanted=NINE + number * DAY)
    holiday = await center.store.create_entry(
        DAYS_OFF, engineer_id=None, region="KR-11", first_day=MONDAY, last_day=MONDAY + DAY, reason="추석"
    )
    assert await center.due() == ["o0", "o1"]
    (first, *_) = (await center.store.offer(SEOUL, "p", MIDNIGHT, NINE + 3 * DAY)).slots
    assert first.window.start == NINE + 2 * DAY
    await center.store.remove_entry(DAYS_OFF, holiday.day_off_id)
    assert (await center.store.due_regions(), busan) == ([], ("kr-26-1", NINE))


async def test_a_visit_that_has_begun_leaves_nothing_to_who_waits_when_its_order_ends(center: Center) -> None:
    full = await center.fill()
    assert await center.place("w0", enough=True) is NO_ENGINEER
    center.now = NINE + HOUR
    await center.close(full[0])
    await center.store.release_assignment(ReleaseAssignment(full[1], 1))
    assert await center.store.due_regions() == []

    await center.close(full[-1])

    assert await center.store.due_regions() == ["KR-11"]


@pytest.mark.parametrize("kind", [kind for kind in kinds() if kind != SQLITE])
async def test_an_order_whose_visit_takes_place_ends_without_waiting_for_its_region(
    center: Center, connect: Connect
) -> None:
    full = await center.fill()
    center.now = NINE + HOUR
    hasty = Center(connect(deadline_seconds=1.0), now=center.now)
    async with center.database.writing() as assigning:
        await assigning.execute(select(SERVICE_AREA).with_for_update())
        await center.close(full[0])
        with pytest.raises(StoreUnavailable):
            await hasty.close(full[-1])

    await center.close(full[-1])
