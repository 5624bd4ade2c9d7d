"""Whom a manager could send to an order's visit: as an assignment by hand then goes, on every database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import time, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest

from domain.common import contexts
from domain.management_center.assignments import AssignEngineer, AssignmentRefusal, WhenNobody
from domain.management_center.candidates import Candidate, CandidateQuery, Obstacle
from domain.management_center.staff import Weekday, WorkingHours
from domain.visits import TimeWindow
from stores.common.database import Database
from stores.management_center.assignments import ManagementCenterStore
from stores.management_center.calendar_entries import DAYS_OFF, EXTRA_SHIFTS
from tests.stores.center import DAY, HOUR, MIDNIGHT, NINE, RULES, Center
from tests.whole import examples

REGION = "KR-11"
ONE, TWO, THREE = "kr-11-1", "kr-11-2", "kr-11-3"
WINDOW = TimeWindow(NINE, NINE + 2 * HOUR)
QUERY = CandidateQuery("new", "2001", REGION, window=WINDOW)
IMPOSSIBLE = {Obstacle.DAY_OFF, Obstacle.NOT_WORKING, Obstacle.BOOKED, Obstacle.INACTIVE}
"""What speaks against an assignment by hand as well."""


@pytest.fixture
def context() -> str:
    return contexts.MANAGEMENT_CENTER


async def of(center: Center, query: CandidateQuery = QUERY) -> Sequence[Candidate]:
    return (await center.store.candidates(query)).items


async def test_who_is_free_comes_first_and_of_them_who_has_the_fewest_visits(center: Center) -> None:
    for order_id, engineer_id, hour in (("o1", ONE, 2), ("o2", ONE, 4), ("o3", TWO, 2), ("o4", THREE, 0)):
        await center.place(order_id, engineer_id=engineer_id, wanted=NINE + hour * HOUR, exactly=True)

    assert await of(center) == [
        Candidate(TWO, "이서연 Lee Seoyeon", 1),
        Candidate(ONE, "김민준 Kim Minjun", 2),
        Candidate(THREE, "박지훈 Park Jihun", 1, reason=Obstacle.BOOKED),
    ]
    # The day before has its own visits.
    earlier = replace(QUERY, window=TimeWindow(NINE - DAY, NINE - DAY + 2 * HOUR))
    assert {(one.visits_that_day, one.reason) for one in await of(center, earlier)} == {(0, Obstacle.NOT_WORKING)}


async def test_the_first_reason_that_holds_is_named(center: Center) -> None:
    store = center.store
    await store.create_product("2001", ["fibre", "tv"])
    day = MIDNIGHT.date() + DAY
    reasons: list[Obstacle | None] = []

    async def note(declined_by: frozenset[str] = frozenset({ONE})) -> None:
        [own] = [one for one in await of(center, replace(QUERY, declined_by=declined_by)) if one.engineer_id == ONE]
        assert own.free is (own.reason is None)
        reasons.append(own.reason)

    await store.change_engineer(ONE, active=False, working_days=[Weekday.TUE])
    holiday = await store.create_entry(
        DAYS_OFF, engineer_id=None, region=REGION, first_day=day, last_day=day, reason=None
    )
    await note()
    own = await store.create_entry(DAYS_OFF, engineer_id=ONE, region=None, first_day=day, last_day=day, reason=None)
    await store.remove_entry(DAYS_OFF, holiday.day_off_id)
    await note()
    await store.remove_entry(DAYS_OFF, own.day_off_id)
    await note()
    await store.change_engineer(ONE, active=True, working_days=[Weekday.MON])
    await center.place("o1", engineer_id=ONE, wanted=NINE, exactly=True)
    await note()
    await center.close("o1")
    await store.change_engineer(ONE, active=False)
    await note()
    await note(frozenset())
    await store.change_engineer(ONE, skills=["fibre", "tv"])
    await note(frozenset())
    await store.change_engineer(ONE, active=True)
    await note(frozenset())

    assert reasons == [Obstacle.DAY_OFF, Obstacle.DAY_OFF, *list(Obstacle)[1:], None]


async def test_skills_are_said_and_those_that_are_missing(center: Center) -> None:
    await center.store.create_product("2001", ["tv", "fibre"])
    await center.store.change_engineer(TWO, skills=["tv", "dish", "fibre"])
    await center.store.change_engineer(THREE, skills=["tv"])

    assert [(one.engineer_id, one.skills, one.missing_skills) for one in await of(center)] == [
        (TWO, ["dish", "fibre", "tv"], []),
        (ONE, [], ["fibre", "tv"]),
        (THREE, ["tv"], ["fibre"]),
    ]


async def test_the_orders_own_visit_stands_in_nobodys_way(center: Center) -> None:
    assert await center.place("own", wanted=NINE) == (ONE, NINE)

    [first, *_] = await of(center, replace(QUERY, order_id="own"))
    [*_, last] = await of(center)

    assert (first.engineer_id, first.free, first.visits_that_day) == (ONE, True, 0)
    assert (last.engineer_id, last.reason, last.visits_that_day) == (ONE, Obstacle.BOOKED, 1)


async def test_who_has_left_is_not_among_them_and_who_has_moved_is_where_they_are_now(center: Center) -> None:
    await center.store.retire_engineer(ONE)
    await center.store.change_engineer(TWO, region="KR-99")

    assert [one.engineer_id for one in await of(center)] == [THREE]
    assert [one.engineer_id for one in await of(center, replace(QUERY, region="KR-99"))] == [TWO]
    assert await of(center, replace(QUERY, region="KR-98")) == []


async def test_without_a_window_it_is_the_earliest_in_which_somebody_is_free(center: Center) -> None:
    anywhere = replace(QUERY, window=None)
    windows = [(await center.store.candidates(anywhere)).visit]
    for order_id in ("o1", "o2", "o3"):
        await center.place(order_id, wanted=NINE)
    windows.append((await center.store.candidates(anywhere)).visit)
    # Somebody has to be free for this order, not just anybody.
    await center.store.create_product("2001", ["tv"])
    await center.store.change_engineer(TWO, skills=["tv"], working_hours=WorkingHours(time(13), time(18)))
    windows.append((await center.store.candidates(anywhere)).visit)
    # If nobody ever is, the earliest window shows why.
    nobody = await center.store.candidates(replace(anywhere, declined_by=frozenset({TWO})))

    assert [window and window.start for window in windows] == [NINE, NINE + 2 * HOUR, NINE + 4 * HOUR]
    assert nobody.visit == next(RULES.grid.windows(MIDNIGHT, MIDNIGHT + DAY))
    assert len(nobody.items) == 3
    assert not any(one.free for one in nobody.items)


@pytest.mark.multiplied
@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize("seed", range(examples(3, whole=20)))
async def test_an_assignment_by_hand_goes_as_it_was_said(database: Database, seed: int) -> None:
    """Holds for any calendars, skills and bookings, also on a holiday, and where windows of another grid are booked."""
    random = Random(seed)  # noqa: S311 - nothing secret
    center = Center(database, replace(RULES, horizon=timedelta(days=4), holidays={MIDNIGHT.date() + 2 * DAY}))
    await center.store.create_product("2001", ["tv"])
    staff = [ONE, TWO, THREE]
    for number in range(3):
        made = await center.store.create_engineer(name=f"E{number}", region=REGION)
        staff.append(made.engineer_id)
    windows = list(center.rules.grid.windows(MIDNIGHT, MIDNIGHT + 4 * DAY))
    at_work = [window for window in windows if 9 <= (window.start - MIDNIGHT) % DAY / HOUR < 18]
    for number in range(20):
        wanted = random.choice(at_work).start
        await center.place(f"o{number}", engineer_id=random.choice(staff), wanted=wanted, exactly=True)
    late = replace(center.rules, grid=replace(center.rules.grid, first_start=time(10)))
    other_grid = ManagementCenterStore(database, late, now=lambda: MIDNIGHT)
    for number in range(4):
        asked: dict[str, Any] = {"engineer_id": random.choice(staff), "wanted": random.choice(at_work).start + HOUR}
        await other_grid.assign_engineer(AssignEngineer(f"late{number}", 1, "Seoul", exactly=True, **asked))
        center.rounds[f"late{number}"] = 1
    for engineer_id in staff:
        change: dict[str, Any] = {
            "working_days": random.sample(list(Weekday), 5),
            "working_hours": WorkingHours(time(random.choice([9, 11])), time(random.choice([13, 17, 18]))),
            "visits_per_window": random.choice([None, 1, 2]),
            "active": random.random() < 0.8,
            "skills": random.choice([[], ["tv"]]),
        }
        await center.store.change_engineer(engineer_id, **change)
        add = center.store.create_entry
        for create in (partial(add, DAYS_OFF), partial(add, EXTRA_SHIFTS)):
            if random.random() < 0.5:
                day = MIDNIGHT.date() + timedelta(days=random.randrange(1, 5))
                begins = random.choice([9, 10, 13])
                part = random.choice([None, WorkingHours(time(begins), time(begins + random.choice([1, 4])))])
                await create(engineer_id=engineer_id, region=None, first_day=day, last_day=day, reason=None, hours=part)
    assigned, inactive = 0, set(await center.store.inactive_engineers())
    for window in random.sample(at_work, 6):
        order_id = random.choice(["new", "o1", "o2", "late1"])
        found = await of(center, CandidateQuery(order_id, "2001", REGION, frozenset({ONE}), window))
        assert {one.engineer_id for one in found} == set(staff)
        for one in found:
            outcome = await center.outcome(
                order_id,
                engineer_id=one.engineer_id,
                wanted=window.start,
                exactly=True,
                otherwise=WhenNobody.KEEP,
            )
            refused = outcome.refusal is AssignmentRefusal.ENGINEER_UNAVAILABLE
            # That somebody is not active is the last reason, and may stand behind another one.
            impossible = one.reason in IMPOSSIBLE or one.engineer_id in inactive
            assert refused is impossible, (window, one, outcome)
            # The order's own booking does not count, so what was said of the others stays true.
            assert refused or (outcome.assignment is not None and outcome.assignment.visit == window)
            assigned += not refused
    assert assigned
