"""Events that wait to be sent to one consumer: in order for each order, in parallel across orders."""

import heapq
from collections import deque
from collections.abc import Iterable, Sequence

from domain.event_delivery.delivery import LoggedEvent
from domain.event_delivery.subscriptions import HeldOrder

READ_AT_ONCE = 500
_ENOUGH = 250
_MOST_AHEAD = 1000
"""Events that are delivered while an earlier one of another order is under way."""


class Lanes:
    """Events between the position up to which everything is delivered, and the one up to which the log was read.

    At most one event of an order is taken at a time. Events of held orders are passed over: the held order remembers
    the first of them.
    """

    def __init__(self, delivered: int, ahead: Iterable[int], held: Iterable[HeldOrder]) -> None:
        """Begin where an earlier run has ended.

        Args:
            delivered: The position up to which everything is delivered.
            ahead: Events after it that are delivered, too.
            held: The held orders.
        """
        self.reached = delivered
        self.held = {order.order_id: order for order in held}
        self._ahead = set(ahead)
        self._open: dict[int, None] = {}  # in the order of the log
        self._lanes: dict[str, deque[LoggedEvent]] = {}
        self._ready: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._open)

    @property
    def is_full(self) -> bool:
        """Whether there are so many events that no more should be added for now."""
        return len(self._open) > _ENOUGH or len(self._ahead) > _MOST_AHEAD

    @property
    def delivered(self) -> int:
        """Position up to which each event is delivered, or belongs to a held order."""
        return next(iter(self._open), self.reached + 1) - 1

    @property
    def ahead(self) -> list[int]:
        """Events after this position that are delivered."""
        delivered = self.delivered
        self._ahead = {sequence for sequence in self._ahead if sequence > delivered}
        return sorted(self._ahead)

    def add(self, events: Sequence[LoggedEvent], reached: int) -> None:
        """Add the next events of the log, and the position up to which these are all."""
        for event in events:
            if event.order_id in self.held or event.sequence in self._ahead:
                continue
            self._open[event.sequence] = None
            lane = self._lanes.setdefault(event.order_id, deque())
            lane.append(event)
            if len(lane) == 1:
                self._make_ready(lane)
        self.reached = reached

    def take(self) -> LoggedEvent | None:
        """Return the earliest event of all orders of which none is taken. It is taken until it is given back."""
        if not self._ready:
            return None
        _, order_id = heapq.heappop(self._ready)
        return self._lanes[order_id][0]

    def deliver(self, event: LoggedEvent) -> None:
        """Give an event back that is delivered."""
        lane = self._lanes[event.order_id]
        lane.popleft()
        del self._open[event.sequence]
        self._ahead.add(event.sequence)
        if lane:
            self._make_ready(lane)
        else:
            del self._lanes[event.order_id]

    def deliver_held(self, event: LoggedEvent) -> None:
        """Note that the event is delivered that has held its order."""
        self._ahead.add(event.sequence)

    def put_back(self, event: LoggedEvent) -> None:
        """Give an event back that has to be sent again."""
        self._make_ready(self._lanes[event.order_id])

    def hold(self, held: HeldOrder) -> None:
        """Hold an order, or hold it longer. Its events that wait are passed over."""
        for each in self._lanes.pop(held.order_id, ()):
            del self._open[each.sequence]
        self.held[held.order_id] = held

    def _make_ready(self, lane: deque[LoggedEvent]) -> None:
        heapq.heappush(self._ready, (lane[0].sequence, lane[0].order_id))
