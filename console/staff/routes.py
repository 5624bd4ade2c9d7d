"""The routes of the pages about engineers."""

from collections.abc import Sequence

from console.managers.sections import STAFF
from console.routing import MANAGER, Entry, Route
from console.staff.changing import ask_change, change
from console.staff.engineer import show_engineer
from console.staff.hiring import ask_hire, hire
from console.staff.listing import PATH, show_engineers
from console.staff.retiring import ask_retire, retire
from console.texts import N_

ROUTES: Sequence[Route] = (
    Route("GET", PATH, MANAGER, show_engineers, Entry(N_("Engineers"), within=STAFF)),
    Route("POST", PATH, MANAGER, hire),
    Route("GET", f"{PATH}/new", MANAGER, ask_hire),
    Route("GET", f"{PATH}/{{engineerId}}", MANAGER, show_engineer),
    Route("GET", f"{PATH}/{{engineerId}}/change", MANAGER, ask_change),
    Route("POST", f"{PATH}/{{engineerId}}/change", MANAGER, change),
    Route("GET", f"{PATH}/{{engineerId}}/retire", MANAGER, ask_retire),
    Route("POST", f"{PATH}/{{engineerId}}/retire", MANAGER, retire),
)
