"""A manager retires an engineer, whose visits then go to other engineers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from console.forms import Form, refused
from console.lists import all_of
from console.managers.center import ENGINEERS
from console.page_request import PageRequest
from console.paths import path_of
from console.planning.calendars import Booked
from console.planning.reading import find
from console.service import ApiAway, Problem
from console.sessions import Flash
from console.staff.listing import PATH
from console.texts import N_
from domain.installation import InstallationStatus

_SHOWN = 20
_OTHERS = N_("The engineer's visits have changed in the meantime. Please look at them again before you decide.")


@dataclass(frozen=True)
class Ahead:
    """The visits that an engineer is still to make."""

    visits: Sequence[Booked]
    complete: bool
    """Whether these are all."""

    @property
    def shown(self) -> Sequence[Booked]:
        """The first of them."""
        return self.visits[:_SHOWN]

    @property
    def agreed(self) -> str:
        """A text that is the same as long as these are the visits."""
        return " ".join([str(len(self.visits)), *(visit.order_id[:8] for visit in self.shown)])


@dataclass(frozen=True)
class RetirePage:
    """What it means that an engineer retires."""

    engineer: Mapping[str, Any]
    ahead: Ahead
    form: Form


async def ask_retire(visit: PageRequest) -> Response:
    """Show what happens to the engineer's visits, and ask."""
    engineer = await find(visit)
    return await visit.page("staff/retire.html", RetirePage(engineer, await _ahead(visit, engineer), Form()))


async def retire(visit: PageRequest) -> Response:
    """Retire the engineer, if the visits are those that the manager has seen."""
    values, texts = await visit.form(), visit.texts
    try:
        engineer = await find(visit)
    except Problem as problem:
        if problem.status != 404 or "visits" not in values:
            raise
        # Somebody has done it, or this form has: its answer did not arrive.
        return visit.redirect(PATH, Flash(texts("The engineer has retired already."), "note"))
    ahead = await _ahead(visit, engineer)
    if values.get("visits") != ahead.agreed:
        page = RetirePage(engineer, ahead, Form(summary=texts(_OTHERS)))
        return await visit.page("staff/retire.html", page, 409)
    try:
        await visit.api.send("DELETE", path_of(ENGINEERS, engineer["engineerId"]))
    except (ApiAway, Problem) as error:
        if isinstance(error, Problem) and error.status in (401, 403, 404):
            raise
        page = RetirePage(engineer, ahead, refused(error, values, texts, {}))
        return await visit.page("staff/retire.html", page, 503 if isinstance(error, ApiAway) else error.status)
    done = texts("%(name)s has retired. The visits go to other engineers.", name=engineer["name"])
    return visit.redirect(PATH, Flash(done))


async def _ahead(visit: PageRequest, engineer: Mapping[str, Any]) -> Ahead:
    query = {"engineerId": engineer["engineerId"], "from": visit.texts.today().isoformat()}
    found, now = await all_of(visit.api, "/installations", query), datetime.now(UTC)
    visits = [booked for row in found.items if (booked := Booked.of(row, visit.texts))]
    return Ahead(
        [one for one in visits if InstallationStatus(one.status).open and one.window.end > now], found.complete
    )
