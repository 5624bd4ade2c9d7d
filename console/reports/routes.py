"""The routes of what managers look back at."""

from collections.abc import Sequence

from console.managers.sections import REPORTS
from console.reports import erasing, statistics, trails
from console.routing import MANAGER, Entry, Route
from console.texts import N_

_AUDIT = Entry(N_("Audit"), within=REPORTS, nationwide=True)
_ACCESS = Entry(N_("Access to personal data"), within=REPORTS, nationwide=True)
_ERASURE = Entry(N_("Erase a customer's data"), within=REPORTS, nationwide=True)
# An id from another system may contain a `/`.
_ERASE = "/customers/{customerId:path}/erase"

ROUTES: Sequence[Route] = (
    Route("GET", statistics.PATH, MANAGER, statistics.show_statistics, Entry(N_("Statistics"), within=REPORTS)),
    Route("GET", statistics.FILE, MANAGER, statistics.download_statistics),
    Route("GET", trails.AUDIT, MANAGER, trails.show_audit, _AUDIT),
    Route("GET", trails.ACCESS_LOG, MANAGER, trails.show_accesses, _ACCESS),
    Route("GET", erasing.PATH, MANAGER, erasing.ask_whom, _ERASURE),
    Route("GET", _ERASE, MANAGER, erasing.ask_erase),
    Route("POST", _ERASE, MANAGER, erasing.erase),
)
