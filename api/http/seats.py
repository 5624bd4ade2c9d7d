"""Seats: how many long requests one client, and all clients, may have open at the same time in this process."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from api.http.errors import NoAnswerInTime, TooManyRequests

SEAT_AFTER = 10
"""Seconds after which a client with too many of them may try again."""


class Seats:
    """The seats of one kind of requests."""

    def __init__(self, what: str, *, most: int, most_of_one: int = 0) -> None:
        """Create seats that nobody has taken.

        Args:
            what: Name of the requests, in the plural, for refusals.
            most: The largest number of all clients.
            most_of_one: The largest number of one client. 0: no limit.
        """
        self._what = what
        self._most = most
        self._most_of_one = most_of_one
        self._taken: Counter[str] = Counter()

    def total(self) -> int:
        """Return how many seats are taken."""
        return self._taken.total()

    @contextmanager
    def taken_by(self, client: str) -> Iterator[None]:
        """Take a seat until the end of the block.

        Raises:
            TooManyRequests: the client has as many as one may have.
            NoAnswerInTime: the process has as many as it may have.
        """
        if self._most_of_one and self._taken[client] >= self._most_of_one:
            raise TooManyRequests(f"you have too many open {self._what}", retry_after=SEAT_AFTER)
        if self.total() >= self._most:
            raise NoAnswerInTime(f"too many {self._what} are open")
        self._taken[client] += 1
        try:
            yield
        finally:
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]
