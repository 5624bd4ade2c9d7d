"""Who is to come for an order, and when: the decision of one round, as nothing is written yet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.management_center.assignments import AssignEngineer, AssignmentRefusal
from domain.visits import BookingRules, TimeWindow
from stores.management_center import waiting_list as waiting
from stores.management_center.bookings import skills_of
from stores.management_center.candidates import CandidatePool
from stores.management_center.search import Look, Search
from stores.management_center.tables import ENGINEER

_NAMED = select(ENGINEER).where(
    ENGINEER.c.engineer_id == bindparam("of_engineer"), ENGINEER.c.active == true(), ENGINEER.c.retired_at.is_(None)
)


@dataclass(frozen=True)
class Selected:
    """An engineer (a row of `ENGINEER`) and a window."""

    engineer: Any
    window: TimeWindow
    reason: str
    skills: Sequence[str]
    """Those of the engineer that the visit takes."""


@dataclass(frozen=True)
class NoCandidate:
    """Why nobody is to come."""

    refusal: AssignmentRefusal
    barred: bool = False
    """Somebody could, but orders that have waited longer go first."""


@dataclass
class AssignmentDecision:
    """What is asked, and what the order has had up to now."""

    connection: AsyncConnection
    rules: BookingRules
    now: datetime
    request: AssignEngineer
    region: str | None
    skills: Sequence[str]
    """That the product takes."""
    held: TimeWindow | None = None
    """The order's window, which it may keep however soon it begins."""
    held_by: str | None = None
    """The engineer with whom it is booked, if it is."""

    def __post_init__(self) -> None:
        self._search = Search(self.connection, self.rules, self.now)

    async def made(self) -> Selected | NoCandidate:
        """The decision."""
        if self.request.engineer_id is not None:
            return await self._named(self.request.engineer_id)
        if self.region is None:
            return NoCandidate(AssignmentRefusal.NO_SERVICE_AREA)
        if self.request.enough:
            return NoCandidate(AssignmentRefusal.NO_ENGINEER)
        return await self._best(self.region)

    async def _named(self, engineer_id: str) -> Selected | NoCandidate:
        engineer = (await self.connection.execute(_NAMED, {"of_engineer": engineer_id})).one_or_none()
        team = CandidatePool(engineer.region, only=engineer_id) if engineer is not None else None
        found = await self._search.find(self._looks(team)) if team is not None else None
        if found is None:
            return NoCandidate(AssignmentRefusal.ENGINEER_UNAVAILABLE)
        engineer, window = found
        own = (await skills_of(self.connection, [engineer_id])).get(engineer_id, ()) if self.skills else ()
        reason = f"assigned by {self.request.by}{self._moved(window)}"
        return Selected(engineer, window, reason, sorted(set(own).intersection(self.skills)))

    async def _best(self, region: str) -> Selected | NoCandidate:
        request, search = self.request, self._search
        team = CandidatePool(region, tuple(sorted(self.skills)), tuple(sorted(request.passed_over)))
        bars = await waiting.bars_before(
            self.connection, region, request.ordered_at, request.order_id, self.now, search.earliest
        )
        found = await search.find(self._looks(team), bars, keep=request.keep)
        if found is not None:
            engineer, window = found
            why = (
                "as before" if engineer.engineer_id == request.keep else f"fewest visits that day ({engineer.that_day})"
            )
            able = f" with {', '.join(team.skills)}" if team.skills else ""
            return Selected(engineer, window, f"{why} in {region}{able}{self._moved(window)}", team.skills)
        if not (await search.calendar(team)).engineers:
            return NoCandidate(AssignmentRefusal.NO_ENGINEER)
        barred = bool(bars) and await search.find(self._looks(team)) is not None
        return NoCandidate(
            AssignmentRefusal.VISIT_UNAVAILABLE if request.exactly else AssignmentRefusal.NO_CAPACITY, barred
        )

    def _looks(self, team: CandidatePool) -> Iterator[Look]:
        """Where to look: in the window that is wanted, and (unless it is that or none) in those after it."""
        wanted = self.request.wanted if self.request.wanted is not None and self.request.wanted > self.now else None
        if wanted is not None and self.held is not None and self.held.start == wanted:
            yield replace(team, exempt=self.held_by), [self.held]
        if not self.request.exactly:
            yield from self._search.looks(team, wanted)
        elif wanted is not None and self._search.earliest <= wanted < self._search.latest:
            window = self.rules.grid.window_at(wanted)
            yield team, [window] if window is not None else []

    def _moved(self, window: TimeWindow) -> str:
        wanted = self.request.wanted
        return f"; {wanted:%Y-%m-%dT%H:%MZ} was not free" if wanted not in (None, window.start) else ""
