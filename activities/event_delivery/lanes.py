"""Events that wait to be sent to one consumer: in order for each order, in parallel across orders."""

from collections.abc import Iterable, Sequence
from itertools import islice

from domain.event_delivery.delivery import LoggedEvent
from domain.event_delivery.subscriptions import HeldOrder

READ_AT_ONCE = 500
_ENOUGH = 250
_MOST_AHEAD = 1000
"""Events that are delivered while an earlier one of another order is under way."""


class Lanes:
    """Events between the position up to which everything is delivered, and the one up to which the log was read.

    While events of an order are taken, its later ones wait. Events of held orders are passed over: the held order
    remembers the first of them.
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
        self._open: dict[int, LoggedEvent] = {}
        """By number, in the order of the log."""
        self._taken: set[str] = set()
        """Orders of which events are taken."""

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
            if event.order_id not in self.held and event.sequence not in self._ahead:
                self._open[event.sequence] = event
        self.reached = reached

    def take(self, most: int) -> list[LoggedEvent]:
        """Take the earliest events, in the order of the log. They are taken until they are given back.

        Args:
            most: The largest number of events. If it is more than one, several may be of the same order.
        """
        untaken = (event for event in self._open.values() if event.order_id not in self._taken)
        events = [*islice(untaken, most)]
        self._taken.update(event.order_id for event in events)
        return events

    def deliver(self, event: LoggedEvent) -> None:
        """Give an event back that is delivered."""
        del self._open[event.sequence]
        self._ahead.add(event.sequence)
        self._taken.discard(event.order_id)

    def deliver_held(self, event: LoggedEvent) -> None:
        """Note that the event is delivered that has held its order."""
        self._ahead.add(event.sequence)

    def put_back(self, event: LoggedEvent) -> None:
        """Give an event back that has to be sent again."""
        self._taken.discard(event.order_id)

    def hold(self, held: HeldOrder) -> None:
        """Hold an order, or hold it longer. Its events that wait are passed over."""
        for event in [event for event in self._open.values() if event.order_id == held.order_id]:
            del self._open[event.sequence]
        self._taken.discard(held.order_id)
        self.held[held.order_id] = held
