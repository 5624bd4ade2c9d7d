"""How fast requests follow each other, and how large they are: as a consumer seems to bear, and so many in a minute."""

from collections.abc import Callable
from math import inf
from time import monotonic

from domain.event_delivery.subscriptions import EventSubscription

_SUCCESSES_TO_DOUBLE = 10
_CATCH_UP = 0.25
"""Seconds for which unused requests of a minute may be made up for. Nobody looks more often."""


class Pace:
    """Limits of one subscription. A consumer that has failed is sent one request at first, then 2, 4 and so on.

    Of batches, the first has one event, and each one after a success twice as many.
    """

    def __init__(
        self, subscription: EventSubscription, *, idle: float = inf, clock: Callable[[], float] = monotonic
    ) -> None:
        """Begin with a run.

        Args:
            subscription: Has the limits.
            idle: Seconds since the last request of an earlier run.
            clock: A monotonic clock.
        """
        self._most, self._most_in_batch = subscription.requests_at_once, subscription.batch
        self.at_once = 1 if subscription.failing_since else self._most
        self.batch = 1 if subscription.failing_since else self._most_in_batch
        """Events in a request, at most."""
        self._successes = 0
        rates = [rate for rate in (subscription.per_minute, subscription.allowed_rate) if rate is not None]
        self._between = 60 / min(rates) if rates else 0.0
        self._clock = clock
        self._next = clock() + max(0.0, self._between - idle)

    @property
    def wait(self) -> float:
        """Seconds until a request may begin."""
        return max(0.0, self._next - self._clock())

    def begin(self) -> None:
        """Note that a request begins."""
        self._next = max(self._next, self._clock() - _CATCH_UP) + self._between

    def succeed(self) -> None:
        """Note that a request has succeeded."""
        self._successes += 1
        self.batch = min(2 * self.batch, self._most_in_batch)
        if self._successes % _SUCCESSES_TO_DOUBLE == 0:
            self.at_once = min(2 * self.at_once, self._most)
