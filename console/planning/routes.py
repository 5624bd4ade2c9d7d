"""The routes of the plans."""

from collections.abc import Sequence

from console.managers.sections import PLANNING
from console.planning.choice import DAY, WEEK
from console.planning.day import show_day
from console.planning.week import show_week
from console.routing import MANAGER, Entry, Route
from console.texts import N_

ROUTES: Sequence[Route] = (
    Route("GET", DAY, MANAGER, show_day, Entry(N_("Day"), within=PLANNING)),
    Route("GET", WEEK, MANAGER, show_week, Entry(N_("Week"), within=PLANNING)),
)
