"""The routes of the calendars' pages."""

from collections.abc import Sequence

from console.calendars import adding, removing
from console.calendars.holidays import PATH, show_holidays
from console.calendars.kinds import DAYS_OFF, EXTRA_SHIFTS, Kind
from console.calendars.listing import showing
from console.managers.sections import STAFF
from console.routing import MANAGER, Entry, Route
from console.texts import N_


def _routes_of(kind: Kind) -> Sequence[Route]:
    removal = f"{kind.path}/{{{kind.key}}}/remove"
    return (
        Route("GET", kind.path, MANAGER, showing(kind), Entry(kind.title, within=STAFF)),
        Route("GET", kind.new, MANAGER, adding.asking(kind)),
        Route("POST", kind.new, MANAGER, adding.adding(kind)),
        Route("GET", removal, MANAGER, removing.asking(kind)),
        Route("POST", removal, MANAGER, removing.removing(kind)),
    )


ROUTES: Sequence[Route] = (
    *_routes_of(DAYS_OFF),
    *_routes_of(EXTRA_SHIFTS),
    Route("GET", PATH, MANAGER, show_holidays, Entry(N_("Holidays"), within=STAFF)),
)
