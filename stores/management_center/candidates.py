"""Which engineers come into question for an order (설치팀): what it needs, and what others need who go first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Integer, and_, bindparam, false, func, not_, or_, select, true

from domain.visits import TimeWindow
from stores.management_center.tables import ENGINEER, ENGINEER_SKILL

STATEMENTS = 256
"""So many shapes are remembered."""


@dataclass(frozen=True)
class PriorityHold:
    """An order that goes first: what it could take is not for others."""

    skills: frozenset[str]
    passed_over: frozenset[str]
    since: datetime
    """It could take no window that begins earlier."""

    def covers(self, other: "PriorityHold") -> bool:
        """Whatever the other keeps from an order, this one does."""
        return self.since <= other.since and self.skills <= other.skills and self.passed_over <= other.passed_over

    @property
    def of_everybody(self) -> bool:
        """Every engineer could take that order."""
        return not self.skills and not self.passed_over


class QueryShape(NamedTuple):
    """What there is to be asked of a team, whatever its values: statements are made once for each shape."""

    skilled: bool
    passing_over: bool
    one: bool
    exempting: bool
    bars: tuple[tuple[bool, bool], ...]
    """Of each: whether it has skills, and has passed over somebody."""


@dataclass(frozen=True)
class CandidatePool:
    """The engineers who come into question: of a region, active, with these skills; or one who is named."""

    region: str
    skills: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    only: str | None = None
    bars: tuple[PriorityHold, ...] = ()
    exempt: str | None = None
    """Not subject to the bars."""

    @property
    def shape(self) -> QueryShape:
        """For `members`."""
        bars = tuple((bool(bar.skills), bool(bar.passed_over)) for bar in self.bars)
        return QueryShape(
            bool(self.skills), bool(self.passed_over), self.only is not None, self.exempt is not None, bars
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """Of a statement with `members`."""
        found: dict[str, Any] = {"team_region": self.region}
        if self.skills:
            found |= {"skills": self.skills, "skills_number": len(self.skills)}
        if self.passed_over:
            found["passed_over"] = self.passed_over
        if self.only is not None:
            found["only"] = self.only
        if self.exempt is not None and self.bars:
            found["exempt"] = self.exempt
        for number, bar in enumerate(self.bars):
            if bar.skills:
                found |= {f"skills_{number}": sorted(bar.skills), f"skills_{number}_number": len(bar.skills)}
            if bar.passed_over:
                found[f"passed_over_{number}"] = sorted(bar.passed_over)
        return found

    @property
    def whole(self) -> bool:
        """Everybody who is active in the region."""
        return not (self.skills or self.passed_over or self.only or self.bars)

    def stretches(
        self, windows: Sequence[TimeWindow], bars: Sequence[PriorityHold]
    ) -> Iterator[tuple["CandidatePool", list[TimeWindow]]]:
        """The windows, cut where one more order goes first, each part with those of the team who may take it."""
        cuts = sorted({bar.since for bar in bars})
        rest = list(windows)
        for place in range(len(cuts) + 1):
            before = [window for window in rest if place == len(cuts) or window.start < cuts[place]]
            rest = rest[len(before) :]
            active = tuple(bar for bar in bars if place and bar.since <= cuts[place - 1])
            if any(bar.of_everybody for bar in active) and not self.exempt:
                return
            if before:
                yield replace(self, bars=active), before


@lru_cache(maxsize=STATEMENTS)
def members(shape: QueryShape) -> tuple[ColumnElement[bool], ...]:
    """Which rows of `ENGINEER` are of a team."""
    found = [
        ENGINEER.c.region == bindparam("team_region"),
        ENGINEER.c.active == true(),
        ENGINEER.c.retired_at.is_(None),
    ]
    if shape.one:
        found.append(ENGINEER.c.engineer_id == bindparam("only"))
    if shape.skilled:
        found.append(_have("skills"))
    if shape.passing_over:
        found.append(ENGINEER.c.engineer_id.not_in(bindparam("passed_over", expanding=True)))
    if shape.bars:
        beyond = and_(*(_beyond(number, *bar) for number, bar in enumerate(shape.bars)))
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
