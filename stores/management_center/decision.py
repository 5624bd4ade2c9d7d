"""Who is to come for an order, and when: the decision of one round, as nothing is written yet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.management_center.assignments import AssignEngineer, AssignmentRefusal
from domain.orders import Visit
from domain.visits import BookingRules
from stores.management_center import waiting_list as waiting
from stores.management_center.bookings import skills_of
from stores.management_center.candidates import Team
from stores.management_center.search import Look, Search
from stores.management_center.tables import ENGINEER

_NAMED = select(ENGINEER).where(
    ENGINEER.c.engineer_id == bindparam("of_engineer"), ENGINEER.c.active == true(), ENGINEER.c.retired_at.is_(None)
)


@dataclass(frozen=True)
class Chosen:
    """An engineer (a row of `ENGINEER`) and a window."""

    engineer: Any
    window: Visit
    reason: str
    skills: Sequence[str]
    """Those of the engineer that the visit takes."""


@dataclass(frozen=True)
class Nobody:
    """Why nobody is to come."""

    refusal: AssignmentRefusal
    barred: bool = False
    """Somebody could, but orders that have waited longer go first."""


@dataclass
class Choice:
    """What is asked, and what the order has had up to now."""

    connection: AsyncConnection
    rules: BookingRules
    now: datetime
    asked: AssignEngineer
    region: str | None
    skills: Sequence[str]
    """That the product takes."""
    held: Visit | None = None
    """The order's window, which it may keep however soon it begins."""
    held_by: str | None = None
    """The engineer with whom it is booked, if it is."""

    def __post_init__(self) -> None:
        self._search = Search(self.connection, self.rules, self.now)

    async def made(self) -> Chosen | Nobody:
        """The decision."""
        if self.asked.engineer_id is not None:
            return await self._named(self.asked.engineer_id)
        if self.region is None:
            return Nobody(AssignmentRefusal.NO_SERVICE_AREA)
        if self.asked.enough:
            return Nobody(AssignmentRefusal.NO_ENGINEER)
        return await self._best(self.region)

    async def _named(self, engineer_id: str) -> Chosen | Nobody:
        engineer = (await self.connection.execute(_NAMED, {"of_engineer": engineer_id})).one_or_none()
        team = Team(engineer.region, only=engineer_id) if engineer is not None else None
        found = await self._search.find(self._looks(team)) if team is not None else None
        if found is None:
            return Nobody(AssignmentRefusal.ENGINEER_UNAVAILABLE)
        engineer, window = found
        own = (await skills_of(self.connection, [engineer_id])).get(engineer_id, ()) if self.skills else ()
        reason = f"assigned by {self.asked.by}{self._moved(window)}"
        return Chosen(engineer, window, reason, sorted(set(own).intersection(self.skills)))

    async def _best(self, region: str) -> Chosen | Nobody:
        asked, search = self.asked, self._search
        team = Team(region, tuple(sorted(self.skills)), tuple(sorted(asked.passed_over)))
        bars = await waiting.bars_before(
            self.connection, region, asked.ordered_at, asked.order_id, self.now, search.earliest
        )
        found = await search.find(self._looks(team), bars, keep=asked.keep)
        if found is not None:
            engineer, window = found
            why = "as before" if engineer.engineer_id == asked.keep else f"fewest visits that day ({engineer.that_day})"
            able = f" with {', '.join(team.skills)}" if team.skills else ""
            return Chosen(engineer, window, f"{why} in {region}{able}{self._moved(window)}", team.skills)
        if not (await search.calendar(team)).engineers:
            return Nobody(AssignmentRefusal.NO_ENGINEER)
        barred = bool(bars) and await search.find(self._looks(team)) is not None
        return Nobody(AssignmentRefusal.VISIT_UNAVAILABLE if asked.exactly else AssignmentRefusal.NO_CAPACITY, barred)

    def _looks(self, team: Team) -> Iterator[Look]:
        """Where to look: in the window that is wanted, and (unless it is that or none) in those after it."""
        wanted = self.asked.wanted if self.asked.wanted is not None and self.asked.wanted > self.now else None
        if wanted is not None and self.held is not None and self.held.start == wanted:
            yield replace(team, exempt=self.held_by), [self.held]
        if not self.asked.exactly:
            yield from self._search.looks(team, wanted)
        elif wanted is not None and self._search.earliest <= wanted < self._search.latest:
            window = self.rules.grid.window_at(wanted)
            yield team, [window] if window is not None else []

    def _moved(self, window: Visit) -> str:
        wanted = self.asked.wanted
        return f"; {wanted:%Y-%m-%dT%H:%MZ} was not free" if wanted not in (None, window.start) else ""
