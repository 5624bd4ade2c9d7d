"""The calendar agrees with a naive model, whatever happens to it."""

import asyncio
import shutil
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from domain.common import contexts
from domain.management_center.assignments import AssignEngineer, CloseAssignment, WhenNobody
from domain.management_center.dispatch import FindDue
from domain.management_center.staff import Weekday, WorkingHours
from domain.visits import VisitGrid
from stores.common.database import Database
from stores.management_center.assignments import ManagementCenterStore
from stores.management_center.calendar_entries import DAYS_OFF, EXTRA_SHIFTS
from stores.management_center.tables import BOOKING, ENGINEER
from stores.migration import migrate
from tests.eventually import PATIENCE
from tests.stores.naive_calendar import NaiveCalendar
from tests.whole import examples

LENGTH = timedelta(hours=4)
SUMMER = VisitGrid(time(8), LENGTH, ZoneInfo("Asia/Seoul")), datetime(2026, 7, 12, 20, tzinfo=UTC)
"""5 o'clock on a Monday in Seoul."""
END_OF_SUMMER = VisitGrid(time(0), LENGTH, ZoneInfo("Europe/Berlin")), datetime(2026, 10, 23, 3, tzinfo=UTC)
"""5 o'clock on the Friday before the clocks of Berlin are put back, at night, in the first window of the Sunday."""
AREAS = {"Seoul": "KR-11", "Busan": "KR-26"}
REGIONS = tuple(AREAS.values())
SKILLS = ("fibre", "tv")
PRODUCTS = ("plain", "special")
ENGINEERS = 4

somebody = st.integers(0, ENGINEERS - 1)
skills = st.sets(st.sampled_from(SKILLS))
hours = st.sampled_from(
    [WorkingHours(time(begins), time(ends)) for begins, ends in ((8, 20), (8, 20), (8, 12), (12, 23), (0, 14))]
)
part = st.none() | st.tuples(st.integers(0, 46), st.integers(1, 24)).map(
    lambda drawn: WorkingHours.of_minutes(drawn[0] * 30, min(drawn[0] + drawn[1], 47) * 30)
)
days = st.sets(st.sampled_from(Weekday), min_size=3).map(sorted)
capacity = st.sampled_from([None, 1, 2])
region = st.sampled_from(REGIONS)
first, length = st.integers(0, 3), st.integers(0, 2)
entry = {"who": st.none() | somebody, "region": region, "first": first, "length": length, "hours": part}
order = st.integers(0, 6)
some_time = st.integers(-2, 13)


def an_act(name: str, **members: "st.SearchStrategy[Any]") -> "st.SearchStrategy[tuple[str, dict[str, Any]]]":
    return st.tuples(st.just(name), st.fixed_dictionaries(members))


staff = st.fixed_dictionaries(
    {
        "region": st.sampled_from(("KR-11", "KR-11", "KR-26")),
        "skills": skills,
        "working_days": days,
        "working_hours": hours,
        "visits_per_window": capacity,
    }
)
change = st.fixed_dictionaries(
    {},
    optional={
        "region": region,
        "active": st.booleans(),
        "skills": skills,
        "working_days": days,
        "working_hours": hours,
        "visits_per_window": capacity,
    },
)
assign = an_act(
    "assign",
    order=order,
    product=st.sampled_from(PRODUCTS),
    address=st.sampled_from(("Seoul", "Seoul", "Busan")),
    wanted=st.none() | some_time,
    exactly=st.booleans(),
    otherwise=st.sampled_from(WhenNobody),
    passed_over=st.sets(somebody, max_size=2),
    named=st.none() | st.none() | somebody,
    keep=st.none() | somebody,
)
plainly = an_act("assign", order=order, address=st.just("Seoul"))
acts = st.lists(
    st.one_of(
        assign,
        plainly,
        plainly,
        an_act("close", order=order),
        an_act("change", who=somebody, change=change),
        an_act("off", **entry),
        an_act("on", which=st.integers(0, 5)),
        an_act("shift", **entry),
        an_act("end_shift", which=st.integers(0, 5)),
        an_act("holiday", first=st.integers(0, 1), who=somebody),
        an_act("later", hours=st.integers(1, 9)),
        an_act("product", skills=skills),
    ),
    min_size=4,
    max_size=25,
)


class Played:
    """The store and the naive model, side by side."""

    def __init__(self, store: ManagementCenterStore, database: Database, paper: NaiveCalendar) -> None:
        self.store, self.database, self.paper = store, database, paper
        self.began, self.rules = paper.now, paper.rules
        self.rounds = dict.fromkeys(range(7), 0)
        self.names: list[str] = []

    async def hire(self, staff: list[dict[str, Any]]) -> None:
        for one in staff:
            engineer = await self.store.create_engineer(name="N", **one)
            self.paper.engineers[engineer.engineer_id] = engineer
        self.names = list(self.paper.engineers)

    async def assign(
        self,
        order: int,
        address: str,
        product: str = "plain",
        wanted: int | None = None,
        exactly: bool = False,
        otherwise: WhenNobody = WhenNobody.QUEUE,
        passed_over: frozenset[int] = frozenset(),
        named: int | None = None,
        keep: int | None = None,
    ) -> None:
        self.rounds[order] += 1
        first = next(self.rules.grid.windows(self.began, self.began + timedelta(days=1))).start
        asked = AssignEngineer(
            order_id=f"o{order}",
            round=self.rounds[order],
            installation_address=address,
            product_id=product,
            passed_over=[self.names[one] for one in passed_over],
            engineer_id=None if named is None else self.names[named],
            # Orders are taken in another order than that of their ids, and two at the same time.
            ordered_at=self.began + timedelta(hours=order % 4),
            wanted=None if wanted is None else first + wanted * timedelta(hours=8),
            exactly=exactly and wanted is not None and otherwise is not WhenNobody.QUEUE,
            otherwise=otherwise,
            keep=None if keep is None else self.names[keep],
        )
        expected = self.paper.assign(asked)
        outcome = await self.store.assign_engineer(asked)
        assert await self.store.assign_engineer(asked) == outcome
        given = outcome.assignment
        if given is None:
            assert outcome.refusal == expected
        else:
            assert given.visit is not None
            assert (given.engineer_id, given.visit.start) == expected

    async def close(self, order: int) -> None:
        self.paper.close(f"o{order}")
        await self.store.close_assignment(CloseAssignment(f"o{order}"))

    async def change(self, who: int, change: dict[str, Any]) -> None:
        changed = await self.store.change_engineer(self.names[who], **change)
        if "skills" in change:
            change["skills"] = sorted(change["skills"])
        assert set(changed.working_days) == set(replace(self.paper.engineers[self.names[who]], **change).working_days)
        self.paper.engineers[self.names[who]] = replace(self.paper.engineers[self.names[who]], **change)

    async def off(self, **entry: Any) -> None:
        off = await self.store.create_entry(DAYS_OFF, **self.entry(**entry))
        self.paper.off[off.day_off_id] = off

    async def on(self, which: int) -> None:
        for day_off_id in list(self.paper.off)[which : which + 1]:
            await self.store.remove_entry(DAYS_OFF, day_off_id)
            del self.paper.off[day_off_id]

    async def shift(self, **entry: Any) -> None:
        shift = await self.store.create_entry(EXTRA_SHIFTS, **self.entry(**entry))
        self.paper.shifts[shift.extra_shift_id] = shift

    async def end_shift(self, which: int) -> None:
        for extra_shift_id in list(self.paper.shifts)[which : which + 1]:
            await self.store.remove_entry(EXTRA_SHIFTS, extra_shift_id)
            del self.paper.shifts[extra_shift_id]

    async def holiday(self, first: int, who: int) -> None:
        """Make a day a holiday, on which visits may be booked already, and on which somebody works."""
        self.paper.holidays.add(self.rules.grid.day_of(self.began) + timedelta(days=first))
        await self.shift(who=who, region="", first=first, length=0, hours=None)

    def entry(
        self, who: int | None, region: str, first: int, length: int, hours: WorkingHours | None
    ) -> dict[str, Any]:
        first_day = self.rules.grid.day_of(self.began) + timedelta(days=first)
        return {
            "engineer_id": None if who is None else self.names[who],
            "region": region if who is None else None,
            "first_day": first_day,
            "last_day": first_day + timedelta(days=length),
            "reason": None,
            "hours": hours,
        }

    async def later(self, hours: int) -> None:
        self.paper.now += timedelta(hours=hours)

    async def product(self, skills: set[str]) -> None:
        if "special" in self.paper.products:
            await self.store.change_product("special", skills=list(skills))
        else:
            await self.store.create_product("special", list(skills))
        self.paper.products["special"] = skills

    async def agree(self) -> None:
        paper = self.paper
        for address, region in AREAS.items():
            for product in PRODUCTS:
                slots = (await self.store.offer(address, product, self.began, self.began + timedelta(days=30))).slots
                assert [(slot.window.start, slot.free) for slot in slots] == paper.slots(region, product)
        async with self.database.reading() as connection:
            rows = (await connection.execute(select(BOOKING))).all()
        assert {row.order_id: (row.engineer_id, row.visit_start) for row in rows} == {
            order_id: (booked.engineer_id, booked.window.start) for order_id, booked in paper.booked.items()
        }
        ahead = {order_id for order_id, booked in paper.booked.items() if booked.window.start > paper.now}
        stranded = {order_id for order_id in ahead if paper.stranded(paper.booked[order_id])}
        assert {row.order_id for row in rows if row.stranded and row.order_id in ahead} == stranded
        due = {found.order_id for found in await self.store.find_due(FindDue())}
        firsts = {paper.first_who_could_go_on(region) for region in REGIONS} - {None}
        assert due == stranded if stranded else (due <= firsts and bool(due) == bool(firsts))

    async def sell_what_is_offered(self, address: str, product: str) -> None:
        """Check that whoever goes first gets each offered window, and no other."""
        offered = {start for start, _ in self.paper.slots(AREAS[address], product)}
        for number, window in enumerate(self.paper.bookable()):
            asked = AssignEngineer(
                order_id=f"first-{number}",
                installation_address=address,
                product_id=product,
                ordered_at=self.began - timedelta(days=1),
                wanted=window.start,
                exactly=True,
                otherwise=WhenNobody.RELEASE,
            )
            given = (await self.store.assign_engineer(asked)).assignment
            assert (given is not None and given.visit == window) == (window.start in offered)
            self.paper.assign(asked)
            visits = [self.paper.visits(engineer_id) for engineer_id in self.names]
            for one, other in (pair for several in visits for pair in combinations(several, 2)):
                assert one == other or one.end <= other.start or other.end <= one.start
            await self.store.close_assignment(CloseAssignment(asked.order_id))
            self.paper.close(asked.order_id)
        await self.agree()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calendar") / "template.db"

    async def prepare() -> None:
        await migrate(contexts.MANAGEMENT_CENTER, f"sqlite:///{path}")
        database = Database(f"sqlite:///{path}", deadline_seconds=PATIENCE)
        async with database.writing() as connection:
            await connection.execute(delete(ENGINEER))
        await database.dispose()

    asyncio.run(prepare())
    return path


@pytest.mark.multiplied
@settings(
    max_examples=examples(25, whole=250),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.sampled_from((SUMMER, SUMMER, END_OF_SUMMER)),
    st.lists(staff, min_size=ENGINEERS, max_size=ENGINEERS),
    acts,
    st.sampled_from(PRODUCTS),
)
def test_whatever_happens_free_places_choice_and_who_is_due_are_as_on_paper(
    template: Path,
    tmp_path: Path,
    began: tuple[VisitGrid, datetime],
    hired: list[dict[str, Any]],
    happens: list[tuple[str, dict[str, Any]]],
    bought: str,
) -> None:
    async def play() -> None:
        database = Database(f"sqlite:///{shutil.copy(template, tmp_path / 'store.db')}", deadline_seconds=PATIENCE)
        paper = NaiveCalendar(*began, AREAS)
        played = Played(ManagementCenterStore(database, paper.rules, now=lambda: paper.now), database, paper)
        try:
            await played.hire(hired)
            for name, members in happens:
                await getattr(played, name)(**members)
                await played.agree()
            await played.sell_what_is_offered("Seoul", bought)
        finally:
            await database.dispose()

    asyncio.run(play())
