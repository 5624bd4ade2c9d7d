"""How many payloads this process encrypts for others, who send messages to workflows by hand.

Each payload uses up a part of the key (see `runtime.payload_codec`). Without this bound, one client could use up all of
it within hours.
"""

import math
from collections.abc import Callable
from time import monotonic

from api.http.errors import TooManyRequests

PAYLOADS_PER_MINUTE = 100
"""In a year this is 1.2 % of what a key is good for."""
_MINUTE = 60.0


class EncodingBudget:
    """A minute's payloads at once, then an even rate (generic cell rate algorithm)."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._paid_until = now()

    def take(self, payloads: int) -> None:
        """Count payloads that are about to be encrypted.

        Raises:
            TooManyRequests: they are too many at this moment, and are not counted.
        """
        now = self._now()
        paid_until = max(self._paid_until, now) + payloads * _MINUTE / PAYLOADS_PER_MINUTE
        if (excess := paid_until - now - _MINUTE) > 0:
            raise TooManyRequests("too many payloads were encrypted in the last minute", retry_after=math.ceil(excess))
        self._paid_until = paid_until
