"""Visit windows in requests and responses."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from api.http.fields import ResponseBody, Time
from api.http.problems import invalid_member
from domain.management_center.staff import Slot
from domain.visits import VisitGrid

FURTHEST = timedelta(days=366)
"""How far ahead a wanted window may begin, whether it can be booked yet or not."""


class VisitResponse(ResponseBody):
    """The window in which the engineer comes."""

    start: Time
    end: Time


class SlotResponse(VisitResponse):
    """A visit window, and how many more visits can be booked in it."""

    free: int


def check_preferred(start: datetime, grid: VisitGrid, *, now: datetime) -> None:
    """Check that a wanted window exists. It may have passed, or be booked out.

    Raises:
        RequestValidationError: no window begins then, or it is too far ahead.
    """
    if start > now + FURTHEST:
        raise invalid_member("preferredVisit", f"must not be more than {FURTHEST.days} days ahead")
    if grid.window_at(start) is None:
        raise invalid_member("preferredVisit", "must be the start of a visit window")


def shown(slots: Iterable[Slot]) -> list[dict[str, Any]]:
    """Return the windows in the form of `SlotResponse`, without the cost of a model for each."""
    return [{"start": slot.window.start, "end": slot.window.end, "free": slot.free} for slot in slots]
