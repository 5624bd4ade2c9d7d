"""Which engineers come into question for an order (설치팀): what it needs, and what others need who go first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, select, true

from domain.orders import Visit
from stores.tables.management_center import ENGINEER, ENGINEER_SKILL


@dataclass(frozen=True)
class Bar:
    """An order that goes first: what it could take is not for others."""

    skills: frozenset[str]
    passed_over: frozenset[str]
    since: datetime
    """It could take no window that begins earlier."""

    def covers(self, other: "Bar") -> bool:
        """Whatever the other keeps from an order, this one does."""
        return self.since <= other.since and self.skills <= other.skills and self.passed_over <= other.passed_over

    @property
    def of_everybody(self) -> bool:
        """Every engineer could take that order."""
        return not self.skills and not self.passed_over


@dataclass(frozen=True)
class Team:
    """The engineers who come into question: of a region, active, with these skills; or one who is named."""

    region: str
    skills: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    only: str | None = None
    bars: tuple[Bar, ...] = ()
    exempt: str | None = None
    """Not subject to the bars."""

    def conditions(self) -> list[ColumnElement[bool]]:
        """Which rows of `ENGINEER` are of the team."""
        found = [ENGINEER.c.region == self.region, ENGINEER.c.active == true(), ENGINEER.c.retired_at.is_(None)]
        if self.only is not None:
            found.append(ENGINEER.c.engineer_id == self.only)
        if self.skills:
            found.append(_have(self.skills))
        if self.passed_over:
            found.append(ENGINEER.c.engineer_id.not_in(self.passed_over))
        if self.bars:
            beyond_bars = and_(*map(_beyond, self.bars))
            found.append(or_(ENGINEER.c.engineer_id == self.exempt, beyond_bars) if self.exempt else beyond_bars)
        return found

    def stretches(self, windows: Sequence[Visit], bars: Sequence[Bar]) -> Iterator[tuple["Team", list[Visit]]]:
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


def _have(skills: Sequence[str]) -> ColumnElement[bool]:
    known = select(func.count()).where(
        ENGINEER_SKILL.c.engineer_id == ENGINEER.c.engineer_id, ENGINEER_SKILL.c.skill.in_(skills)
    )
    return known.scalar_subquery() == len(skills)


def _beyond(bar: Bar) -> ColumnElement[bool]:
    cannot: list[ColumnElement[bool]] = []
    if bar.skills:
        cannot.append(not_(_have(sorted(bar.skills))))
    if bar.passed_over:
        cannot.append(ENGINEER.c.engineer_id.in_(sorted(bar.passed_over)))
    return or_(false(), *cannot)
