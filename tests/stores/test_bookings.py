"""Which visit an order gets, and when it is freed."""

from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from domain.common import contexts
from domain.management_center.assignments import AssignEngineer, AssignmentRefusal, ReleaseAssignment, WhenNobody
from domain.visits import VisitGrid
from stores.common.database import Database
from stores.management_center.tables import ENGINEER
from tests.stores.center import DAY, HOUR, MIDNIGHT, NINE, NOWHERE, RULES, SEOUL, Center

NO_CAPACITY, VISIT_UNAVAILABLE = AssignmentRefusal.NO_CAPACITY, AssignmentRefusal.VISIT_UNAVAILABLE
ONE, TWO, THREE = "kr-11-1", "kr-11-2", "kr-11-3"


@pytest.fixture
def context() -> str:
    return contexts.MANAGEMENT_CENTER


async def test_a_window_that_has_gone_is_followed_by_the_next_and_the_reason_says_so(center: Center) -> None:
    assert [await center.place(f"o{number}", wanted=NINE + 2 * HOUR) for number in range(3)] == [
        (ONE, NINE + 2 * HOUR),
        (TWO, NINE + 2 * HOUR),
        (THREE, NINE + 2 * HOUR),
    ]
    outcome = await center.outcome("o3", wanted=NINE + 2 * HOUR)
    assert outcome.assignment is not None
    assert outcome.assignment.visit is not None
    assert outcome.assignment.visit.start == NINE + 4 * HOUR
    assert outcome.assignment.reason == "fewest visits that day (1) in KR-11; 2026-07-13T02:00Z was not free"
    assert await center.place("o4", wanted=NINE + HOUR) == (TWO, NINE + 4 * HOUR)
    assert await center.place("o5", wanted=NINE - DAY) == (THREE, NINE)
    assert await center.place("o6", wanted=NINE + DAY) is NO_CAPACITY


async def test_exactly_a_window_or_none_and_the_earlier_visit_stands(center: Center) -> None:
    booked = [await center.place(f"o{number}") for number in range(3)]
    assert booked == [(ONE, NINE), (TWO, NINE), (THREE, NINE)]
    held = await center.outcome("o3")
    asked: dict[str, Any] = {"wanted": NINE, "exactly": True, "otherwise": WhenNobody.KEEP, "keep": ONE}
    refused = await center.outcome("o3", **asked)
    assert (refused.refusal, refused.round) == (VISIT_UNAVAILABLE, 2)
    assert await center.store.assignment("o3") == held.assignment
    await center.close("o0")
    again = AssignEngineer("o3", 2, SEOUL, "2001", ordered_at=MIDNIGHT - DAY, **asked)
    assert await center.store.assign_engineer(again) == refused
    moved = await center.outcome("o3", **asked)
    assert moved.assignment is not None
    assert moved.assignment.reason == "as before in KR-11"
    # What it has left is free: for one who comes later, in the same window as before.
    assert await center.place("o4", wanted=NINE + 2 * HOUR) == (ONE, NINE + 2 * HOUR)


async def test_an_exact_round_that_finds_nobody_may_end_the_assignment(center: Center) -> None:
    await center.place("o1")
    assert await center.place("o1", wanted=NINE + HOUR, exactly=True, otherwise=WhenNobody.RELEASE) is VISIT_UNAVAILABLE
    assert await center.place("o2") == (ONE, NINE)
    await center.fill()
    await center.close("o2")
    assert await center.due() == []


async def test_an_order_may_keep_its_window_however_soon_it_begins(database: Database) -> None:
    center = Center(database, replace(RULES, lead=4 * HOUR))
    assert await center.place("o1") == (ONE, NINE)
    center.now = NINE - HOUR
    assert await center.place("o1", wanted=NINE, passed_over=[ONE]) == (TWO, NINE)
    assert await center.place("o2", wanted=NINE) == (ONE, NINE + 4 * HOUR)
    center.now = NINE
    assert await center.place("o1", wanted=NINE, exactly=True) is VISIT_UNAVAILABLE


async def test_an_engineer_who_is_named_has_their_own_next_window(center: Center) -> None:
    await center.fill()
    busan = "kr-26-1"
    assert await center.place("o1", engineer_id=busan, wanted=NINE + 2 * HOUR, by="manager:m") == (
        busan,
        NINE + 2 * HOUR,
    )
    assert await center.place("o2", engineer_id=busan, wanted=NINE + 2 * HOUR) == (busan, NINE + 4 * HOUR)
    assert await center.place("o3", engineer_id=busan, wanted=NINE + 5 * HOUR) == (busan, NINE + 6 * HOUR)
    assert await center.place("o4", engineer_id=busan, wanted=NINE + HOUR) is AssignmentRefusal.ENGINEER_UNAVAILABLE
    assert await center.place("o4", engineer_id=busan) == (busan, NINE)


async def test_a_late_release_frees_nothing_of_a_later_round(center: Center) -> None:
    await center.place("o1")
    assert await center.place("o1", wanted=NINE + 2 * HOUR) == (ONE, NINE + 2 * HOUR)
    await center.store.release_assignment(ReleaseAssignment("o1", 1))
    assert await center.place("o2", wanted=NINE + 2 * HOUR) == (TWO, NINE + 2 * HOUR)
    await center.store.release_assignment(ReleaseAssignment("o1", 2))
    await center.store.release_assignment(ReleaseAssignment("o1", 2))
    assert await center.place("o3", wanted=NINE + 2 * HOUR) == (ONE, NINE + 2 * HOUR)
    assert (await center.store.assignment("o1")).round == 2


async def test_free_windows_are_those_of_the_span_and_near_a_start_those_around_it(center: Center) -> None:
    center = Center(center.database, replace(RULES, horizon=3 * DAY))
    await center.place("o1", wanted=NINE + DAY)
    span = (await center.store.offer(SEOUL, "2001", NINE + 2 * HOUR, NINE + DAY + 2 * HOUR)).slots
    assert [(slot.window.start - NINE, slot.free) for slot in span] == [
        (2 * HOUR, 3),
        (4 * HOUR, 3),
        (6 * HOUR, 3),
        (DAY, 2),
    ]
    near = await center.store.slots_near(SEOUL, "2001", NINE + DAY + HOUR, count=3)
    assert [slot.window.start - NINE - DAY for slot in near] == [timedelta(0), 2 * HOUR, 4 * HOUR]
    last = await center.store.slots_near(SEOUL, "2001", NINE + 40 * DAY, count=2)
    assert [slot.window.start - NINE - 2 * DAY for slot in last] == [4 * HOUR, 6 * HOUR]
    assert (await center.store.offer(NOWHERE, "2001", MIDNIGHT, MIDNIGHT + DAY)).slots == []
    assert await center.store.slots_near(NOWHERE, "2001", NINE) == []


async def test_a_visit_on_another_grid_takes_every_window_that_it_overlaps(center: Center) -> None:
    longer = replace(RULES, grid=VisitGrid(time(10), timedelta(hours=3)))
    before = Center(center.database, longer)
    assert [await before.place(f"old-{number}") for number in range(2)] == [(ONE, NINE + HOUR), (TWO, NINE + HOUR)]
    slots = (await center.store.offer(SEOUL, "2001", MIDNIGHT, MIDNIGHT + DAY)).slots
    assert [slot.free for slot in slots] == [1, 1, 3, 3]
    assert [await center.place(f"o{number}") for number in range(3)] == [
        (THREE, NINE),
        (THREE, NINE + 2 * HOUR),
        (ONE, NINE + 4 * HOUR),
    ]
    # Back on the old grid, the visit there may stay, and none is booked across the new ones.
    assert await before.place("old-0", wanted=NINE + HOUR, exactly=True, keep=ONE) == (ONE, NINE + HOUR)
    assert await before.place("old-2") == (TWO, NINE + 4 * HOUR)


async def test_an_order_keeps_its_place_though_others_go_before_it(center: Center) -> None:
    full = await center.fill()
    assert await center.place("a") is NO_CAPACITY
    assert await center.place(full[0], wanted=NINE, exactly=True, keep=ONE) == (ONE, NINE)
    assert await center.place(full[0], wanted=NINE + HOUR, exactly=True, otherwise=WhenNobody.KEEP) is VISIT_UNAVAILABLE
    assert await center.place(full[0], wanted=NINE) == (ONE, NINE)


async def test_whoever_takes_fewer_visits_than_are_booked_has_no_place_left(center: Center) -> None:
    store = center.store
    await store.retire_engineer(THREE)
    await store.change_engineer(ONE, visits_per_window=3)
    assert [await center.place(f"o{number}", keep=ONE) for number in range(3)] == [(ONE, NINE)] * 3
    await store.change_engineer(ONE, visits_per_window=None)
    for order_id, free in (("o0", 1), ("o1", 1), ("o2", 2)):
        (slot, *_) = (await store.offer(SEOUL, "2001", MIDNIGHT, MIDNIGHT + DAY)).slots
        assert (slot.window.start, slot.free) == (NINE, 1)
        await center.close(order_id)
        (slot, *_) = (await store.offer(SEOUL, "2001", MIDNIGHT, MIDNIGHT + DAY)).slots
        assert (slot.window.start, slot.free) == (NINE, free)


async def test_an_engineer_of_whom_the_release_before_has_written_has_the_usual_hours(center: Center) -> None:
    async with center.database.writing() as connection:
        old = insert(ENGINEER).values(engineer_id="old", name="N", region="JP-13", active=True)
        await connection.execute(old)
    await center.store.create_service_area(region="JP-13", name="Tokyo", local_name="東京", matches=["Tokyo"])
    assert await center.place("o1", installation_address=NOWHERE) == ("old", NINE)
    assert (await center.store.engineer("old")).working_hours.end == time(18)
