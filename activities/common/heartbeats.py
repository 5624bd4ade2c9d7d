"""Heartbeats of an activity."""

from collections.abc import Callable
from math import inf
from time import monotonic

from temporalio import activity

BETWEEN = 2.0
"""Seconds between two heartbeats."""


class Heartbeats:
    """Sends a heartbeat now and then, however often it is told to.

    The SDK makes a task of each heartbeat, also of those that it does not send.
    """

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._sent_at = -inf

    def beat(self) -> None:
        """Send a heartbeat, if it is time."""
        now = self._clock()
        if now >= self._sent_at + BETWEEN:
            activity.heartbeat()
            self._sent_at = now
