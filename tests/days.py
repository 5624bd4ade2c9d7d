"""The day of a test. It stays the same until the test ends, although midnight may pass meanwhile."""

from datetime import UTC, date, datetime
from functools import cache

from domain.visits import VisitGrid


@cache
def today() -> date:
    """Return the day, where visits are, on which the running test has asked first: see the fixture `one_day`."""
    return VisitGrid().day_of(datetime.now(UTC))
