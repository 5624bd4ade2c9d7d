"""Statistics (통계): what happened to the orders on each day. The read model counts each event when it stores it."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from domain.common.times import UNSET
from domain.installation import IncompleteReason
from domain.orders import Event, HistoryEntry, Order

HOURS: tuple[int, ...] = tuple(1 << power for power in range(12))
"""Upper bounds of the buckets in which the time to completion is counted: 1, 2, 4 … 2,048 hours. The last is open."""
COUNTED_WITHIN = timedelta(days=90)
"""An event that is stored later than this after it happened is not counted."""

_COUNTERS: Mapping[str, str] = {
    Event.JOIN_ORDERED: "ordered",
    Event.JOIN_COMPLETED: "completed",
    Event.ORDER_CANCELED: "canceled",
    Event.INSTALLATION_DECLINED: "declined",
    Event.INSTALLATION_UNANSWERED: "unanswered",
}
_COUNTED = frozenset({*_COUNTERS, Event.INSTALLATION_INCOMPLETE})
_A_REASON = re.compile(r"[A-Z][A-Z_]{0,39}")
"""The pattern of a reason, also of a newer release. Another text may be anything, and is not kept."""


@dataclass
class DayCounts:
    """What happened on one day to the orders of one region."""

    ordered: int = 0
    completed: int = 0
    canceled: int = 0
    declined: int = 0
    unanswered: int = 0
    incomplete_by_reason: Counter[str] = field(default_factory=Counter)
    hours: Counter[int] = field(default_factory=Counter)
    """Completed orders by the bucket of the time from the order to its completion."""

    def add(self, entry: HistoryEntry, order: Order) -> None:
        """Count an event of an order."""
        if (counter := _COUNTERS.get(entry.event)) is not None:
            setattr(self, counter, getattr(self, counter) + 1)
        if entry.event == Event.INSTALLATION_INCOMPLETE:
            reason = entry.detail or ""
            self.incomplete_by_reason[reason if _A_REASON.fullmatch(reason) else IncompleteReason.OTHER] += 1
        first = order.history[0]
        if entry.event == Event.JOIN_COMPLETED and first.event == Event.JOIN_ORDERED:
            self.hours[_bucket(entry.at - first.at)] += 1

    def merge(self, counts: "DayCounts") -> None:
        """Add other counts to these."""
        for counter in _COUNTERS.values():
            setattr(self, counter, getattr(self, counter) + getattr(counts, counter))
        self.incomplete_by_reason.update(counts.incomplete_by_reason)
        self.hours.update(counts.hours)

    def hours_of(self, percent: int) -> int | None:
        """Return the upper bound of the hours within which so many of the orders were completed, if any was."""
        completed = 0
        for hours, orders in sorted(self.hours.items()):
            completed += orders
            if completed * 100 >= percent * self.hours.total():
                return hours
        return None


@dataclass(frozen=True)
class DayStatistics:
    """The counts of one day and one region. `None`: of orders that had no region yet."""

    day: date
    region: str | None
    counts: DayCounts


@dataclass(frozen=True)
class Progress:
    """How far the history of an order has been counted."""

    entries: int = 0
    """Entries up to the last one that was counted."""
    until: datetime = UNSET
    """The time of the last entry that was counted."""


def count(
    order: Order, before: Progress, *, since: datetime, day_of: Callable[[datetime], date]
) -> tuple[dict[date, DayCounts], Progress]:
    """Count the events of an order that have not been counted before.

    Entries are added at the end of a history. Only a reset of the workflow replaces some, by later ones.

    Args:
        order: The order.
        before: How far it has been counted.
        since: Earlier events are not counted.
        day_of: Returns the day on which an event counts.

    Returns:
        The counts by day, and how far the order has now been counted.
    """
    counts: dict[date, DayCounts] = {}
    entries, until = before.entries, before.until
    for index, entry in enumerate(order.history):
        is_new = index >= before.entries or (index > 0 and entry.at > before.until)
        if entry.event in _COUNTED and entry.at >= since and is_new:
            counts.setdefault(day_of(entry.at), DayCounts()).add(entry, order)
            entries, until = max(entries, index + 1), max(until, entry.at)
    return counts, Progress(entries, until.astimezone(UTC))


def _bucket(took: timedelta) -> int:
    return next((hours for hours in HOURS if took <= timedelta(hours=hours)), HOURS[-1])
