"""Candidates for an order (설치팀): what the order needs, and what orders with priority over it need."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Integer, and_, bindparam, false, func, not_, or_, select, true

from domain.visits import TimeWindow
from stores.management_center.tables import ENGINEER, ENGINEER_SKILL

STATEMENTS = 256
"""Query shapes whose statements are cached."""


@dataclass(frozen=True)
class PriorityHold:
    """An order that goes first. What it could take is on hold for it."""

    skills: frozenset[str]
    passed_over: frozenset[str]
    since: datetime
    """The earliest start of a window that it could take."""

    def covers(self, other: "PriorityHold") -> bool:
        """Return whether this hold keeps everything from an order that the other keeps."""
        return self.since <= other.since and self.skills <= other.skills and self.passed_over <= other.passed_over

    @property
    def holds_everybody(self) -> bool:
        """Whether every engineer could take that order."""
        return not self.skills and not self.passed_over


class QueryShape(NamedTuple):
    """The conditions that a pool's statement has, without their values. Each shape's statement is built once."""

    skilled: bool
    passing_over: bool
    one: bool
    exempting: bool
    holds: tuple[tuple[bool, bool], ...]
    """For each hold: whether it needs skills, and whether it excludes engineers."""
    inactive_too: bool


@dataclass(frozen=True)
class CandidatePool:
    """The engineers who could take an order: the active ones of a region who have the skills, or a named one."""

    region: str
    skills: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    only: str | None = None
    holds: tuple[PriorityHold, ...] = ()
    exempt: str | None = None
    """An engineer to whom the holds do not apply."""
    inactive_too: bool = False
    """Whether engineers who are not active belong to the pool. They take no orders."""

    @property
    def shape(self) -> QueryShape:
        """The shape for `members`."""
        holds = tuple((bool(hold.skills), bool(hold.passed_over)) for hold in self.holds)
        return QueryShape(
            bool(self.skills),
            bool(self.passed_over),
            self.only is not None,
            self.exempt is not None,
            holds,
            self.inactive_too,
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of a statement that uses `members`."""
        found: dict[str, Any] = {"pool_region": self.region}
        if self.skills:
            found |= {"skills": self.skills, "skills_number": len(self.skills)}
        if self.passed_over:
            found["passed_over"] = self.passed_over
        if self.only is not None:
            found["only"] = self.only
        if self.exempt is not None and self.holds:
            found["exempt"] = self.exempt
        for number, hold in enumerate(self.holds):
            if hold.skills:
                found |= {f"skills_{number}": sorted(hold.skills), f"skills_{number}_number": len(hold.skills)}
            if hold.passed_over:
                found[f"passed_over_{number}"] = sorted(hold.passed_over)
        return found

    @property
    def whole(self) -> bool:
        """Whether the pool is every active engineer of the region."""
        return not (self.skills or self.passed_over or self.only or self.holds)

    def split_by_holds(
        self, windows: Sequence[TimeWindow], holds: Sequence[PriorityHold]
    ) -> Iterator[tuple["CandidatePool", list[TimeWindow]]]:
        """Split the windows where another hold begins. Yields each part with the engineers who may take it."""
        cuts = sorted({hold.since for hold in holds})
        rest = list(windows)
        for index in range(len(cuts) + 1):
            before = [window for window in rest if index == len(cuts) or window.start < cuts[index]]
            rest = rest[len(before) :]
            active = tuple(hold for hold in holds if index and hold.since <= cuts[index - 1])
            if any(hold.holds_everybody for hold in active) and not self.exempt:
                return
            if before:
                yield replace(self, holds=active), before


@lru_cache(maxsize=STATEMENTS)
def members(shape: QueryShape) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for the rows of `ENGINEER` that belong to a pool."""
    found = [ENGINEER.c.region == bindparam("pool_region"), ENGINEER.c.retired_at.is_(None)]
    if not shape.inactive_too:
        found.append(ENGINEER.c.active == true())
    if shape.one:
        found.append(ENGINEER.c.engineer_id == bindparam("only"))
    if shape.skilled:
        found.append(_have("skills"))
    if shape.passing_over:
        found.append(ENGINEER.c.engineer_id.not_in(bindparam("passed_over", expanding=True)))
    if shape.holds:
        beyond = and_(*(_beyond(number, *hold) for number, hold in enumerate(shape.holds)))
        found.append(or_(ENGINEER.c.engineer_id == bindparam("exempt"), beyond) if shape.exempting else beyond)
    return tuple(found)


def _have(skills: str) -> ColumnElement[bool]:
    known = select(func.count()).where(
        ENGINEER_SKILL.c.engineer_id == ENGINEER.c.engineer_id,
        ENGINEER_SKILL.c.skill.in_(bindparam(skills, expanding=True)),
    )
    return known.scalar_subquery() == bindparam(f"{skills}_number", type_=Integer)


def _beyond(number: int, skilled: bool, passing_over: bool) -> ColumnElement[bool]:
    cannot: list[ColumnElement[bool]] = []
    if skilled:
        cannot.append(not_(_have(f"skills_{number}")))
    if passing_over:
        cannot.append(ENGINEER.c.engineer_id.in_(bindparam(f"passed_over_{number}", expanding=True)))
    return or_(false(), *cannot)
