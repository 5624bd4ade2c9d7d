"""The newest changes of the read model, which a process has read once, for all of its listeners."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from time import monotonic

from domain.order_status.view import FeedEntry, OrderChange, OrderFilter

KEEP_FOR = 2.0
"""Seconds. Listeners take a change at once; one that is slower reads the store. So what is erased there does not stay
here."""
MOST_KEPT = 2000
"""The largest number of changes."""


class RecentChanges:
    """Every change after one position of the feed and up to another."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self.last = 0
        """The position up to which every change is here."""
        self._now = now
        self._before: int | None = None
        """The position from which on every change is here. `None`: it has not begun."""
        self._entries: list[FeedEntry] = []
        self._read_at: list[float] = []
        """When each of them was read."""
        self._newest: dict[str, FeedEntry] = {}
        """The newest change of each order that has changes here."""

    @property
    def begun(self) -> bool:
        """Whether it has a position."""
        return self._before is not None

    def begin(self, position: int) -> None:
        """Begin with the changes after a position, without those before."""
        self._before = self.last = position
        self._entries, self._read_at, self._newest = [], [], {}

    def add(self, entries: Sequence[FeedEntry], up_to: int) -> None:
        """Add the changes that follow, up to a position."""
        self._entries += entries
        self._read_at += [self._now()] * len(entries)
        self._newest |= {entry.view.order.order_id: entry for entry in entries}
        self.last = up_to

    def forget_old(self) -> None:
        """Forget the changes that are too old or too many."""
        old = max(bisect_right(self._read_at, self._now() - KEEP_FOR), len(self._entries) - MOST_KEPT)
        if old > 0:
            self._before = self._entries[old - 1].sequence
            del self._entries[:old], self._read_at[:old]
            kept = {entry.view.order.order_id for entry in self._entries}
            self._newest = {order_id: self._newest[order_id] for order_id in kept}

    def reach_back_to(self, position: int) -> bool:
        """Return whether every change after a position is here."""
        self.forget_old()
        return self._before is not None and self._before <= position

    def after(self, position: int, wanted: OrderFilter, limit: int) -> tuple[Iterator[OrderChange], int]:
        """Return what a listener sees of the next changes after a position, and the position up to which that is all.

        Args:
            position: Not before what is here.
            wanted: The listener's filter. Whose an order is when its change is taken decides.
            limit: The largest number of changes to look at.
        """
        first = bisect_right(self._entries, position, key=lambda entry: entry.sequence)
        entries = self._entries[first : first + limit]
        reached = entries[-1].sequence if len(entries) == limit else max(position, self.last)
        return (change for entry in entries if (change := self._seen(entry, wanted))), reached

    def _seen(self, entry: FeedEntry, wanted: OrderFilter) -> OrderChange | None:
        return entry.seen(wanted, self._newest.get(entry.view.order.order_id, entry))
