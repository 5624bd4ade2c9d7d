"""The routes of what managers look back at."""

from collections.abc import Sequence

from console.managers.sections import REPORTS
from console.reports.statistics import FILE, PATH, download_statistics, show_statistics
from console.routing import MANAGER, Entry, Route
from console.texts import N_

ROUTES: Sequence[Route] = (
    Route("GET", PATH, MANAGER, show_statistics, Entry(N_("Statistics"), within=REPORTS)),
    Route("GET", FILE, MANAGER, download_statistics),
)
