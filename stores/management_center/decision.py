"""The decision of one round: which engineer visits, and when. Nothing is written here."""

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
    """The selected engineer (a row of `ENGINEER`) and window."""

    engineer: Any
    window: TimeWindow
    reason: str
    skills: Sequence[str]
    """The engineer's skills that the visit needs."""


@dataclass(frozen=True)
class NoCandidate:
    """No engineer was found."""

    refusal: AssignmentRefusal
    on_hold: bool = False
    """An engineer is free, but orders that have waited longer go first."""


@dataclass
class AssignmentDecision:
    """Decides a round from the request and the order's current booking."""

    connection: AsyncConnection
    rules: BookingRules
    now: datetime
    request: AssignEngineer
    region: str | None
    skills: Sequence[str]
    """The skills that the product needs."""
    held: TimeWindow | None = None
    """The order's current window. It may keep it however soon that begins."""
    held_by: str | None = None
    """The engineer of the current booking, or None."""

    def __post_init__(self) -> None:
        self._search = Search(self.connection, self.rules, self.now)

    async def decide(self) -> Selected | NoCandidate:
        """Return the decision."""
        if self.request.engineer_id is not None:
            return await self._named(self.request.engineer_id)
        if self.region is None:
            return NoCandidate(AssignmentRefusal.NO_SERVICE_AREA)
        if self.request.enough:
            return NoCandidate(AssignmentRefusal.NO_ENGINEER)
        return await self._best(self.region)

    async def _named(self, engineer_id: str) -> Selected | NoCandidate:
        engineer = (await self.connection.execute(_NAMED, {"of_engineer": engineer_id})).one_or_none()
        pool = CandidatePool(engineer.region, only=engineer_id) if engineer is not None else None
        found = await self._search.find(self._looks(pool)) if pool is not None else None
        if found is None:
            return NoCandidate(AssignmentRefusal.ENGINEER_UNAVAILABLE)
        engineer, window = found
        own = (await skills_of(self.connection, [engineer_id])).get(engineer_id, ()) if self.skills else ()
        reason = f"assigned by {self.request.by}{self._moved(window)}"
        return Selected(engineer, window, reason, sorted(set(own).intersection(self.skills)))

    async def _best(self, region: str) -> Selected | NoCandidate:
        request, search = self.request, self._search
        pool = CandidatePool(region, tuple(sorted(self.skills)), tuple(sorted(request.passed_over)))
        holds = await waiting.holds_before(
            self.connection, region, request.ordered_at, request.order_id, self.now, search.earliest
        )
        found = await search.find(self._looks(pool), holds, keep=request.keep)
        if found is not None:
            engineer, window = found
            why = (
                "as before" if engineer.engineer_id == request.keep else f"fewest visits that day ({engineer.that_day})"
            )
            able = f" with {', '.join(pool.skills)}" if pool.skills else ""
            return Selected(engineer, window, f"{why} in {region}{able}{self._moved(window)}", pool.skills)
        if not (await search.calendar(pool)).engineers:
            return NoCandidate(AssignmentRefusal.NO_ENGINEER)
        on_hold = bool(holds) and await search.find(self._looks(pool)) is not None
        return NoCandidate(
            AssignmentRefusal.VISIT_UNAVAILABLE if request.exactly else AssignmentRefusal.NO_CAPACITY, on_hold
        )

    def _looks(self, pool: CandidatePool) -> Iterator[Look]:
        """Yield where to look: the wanted window, then, unless the request insists on that one, the later ones."""
        wanted = self.request.wanted if self.request.wanted is not None and self.request.wanted > self.now else None
        if wanted is not None and self.held is not None and self.held.start == wanted:
            yield replace(pool, exempt=self.held_by), [self.held]
        if not self.request.exactly:
            yield from self._search.looks(pool, wanted)
        elif wanted is not None and self._search.earliest <= wanted < self._search.latest:
            window = self.rules.grid.window_at(wanted)
            yield pool, [window] if window is not None else []

    def _moved(self, window: TimeWindow) -> str:
        wanted = self.request.wanted
        return f"; {wanted:%Y-%m-%dT%H:%MZ} was not free" if wanted not in (None, window.start) else ""
