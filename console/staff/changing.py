"""A manager changes what is agreed with an engineer.

The form knows how the engineer was when it was made. If somebody has changed the engineer since, nothing is done: the
form comes back, filled, beside what is true now. Sent once more, it is meant for that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from console.forms import Form, refused
from console.managers.center import ENGINEERS, Reach, reach_if_there
from console.page_request import PageRequest
from console.paths import path_of
from console.planning.reading import find
from console.service import ApiAway, Problem
from console.sessions import Flash
from console.staff.fields import POINTERS, body_of, day_names, incomplete, state_of, summary_of, values_of
from console.staff.listing import PATH
from console.texts import N_

_CHANGED = N_(
    "Somebody else has changed this engineer in the meantime. Nothing was saved. Compare, then send it again."
)
_MOVES = frozenset({"region", "workingDays", "workingHours", "active"})
"""Members by which visits can become impossible."""


@dataclass(frozen=True)
class ChangePage:
    """The form of an engineer."""

    path: str
    """Address of the engineer."""
    form: Form
    seen: str
    """How the engineer was when the form was made."""
    reach: Reach
    day_names: Mapping[str, str]
    now: Sequence[tuple[str, str]] = ()
    """What is agreed now, if it is not what the form began with."""
    now_of: Mapping[str, Any] | None = None


async def ask_change(visit: PageRequest) -> Response:
    """Ask what to change."""
    engineer = await find(visit)
    return await _page(visit, Form(values_of(engineer)), state_of(engineer), 200)


async def change(visit: PageRequest) -> Response:
    """Save what was changed."""
    values, texts = await visit.form(), visit.texts
    seen = values.get("seen", "")
    if again := incomplete(values, texts):
        return await _page(visit, again, seen, 422)
    try:
        engineer = await find(visit)
        if seen != state_of(engineer):
            form = Form(values, summary=texts(_CHANGED))
            return await _page(visit, form, state_of(engineer), 409, now=engineer)
        wanted = {**body_of(values), "active": bool(values.get("active"))}
        changes = {name: value for name, value in wanted.items() if engineer[name] != value}
        if changes:
            await visit.api.send("PATCH", path_of(ENGINEERS, engineer["engineerId"]), changes)
    except ApiAway as error:
        return await _page(visit, refused(error, values, texts, POINTERS), seen, 503)
    except Problem as problem:
        if problem.status in (401, 404):
            raise
        return await _page(visit, refused(problem, values, texts, POINTERS), seen, problem.status)
    return visit.redirect(path_of(PATH, engineer["engineerId"]), Flash(texts(_done(engineer, changes))))


def _done(before: Mapping[str, Any], changes: Mapping[str, Any]) -> str:
    if not changes:
        return N_("There was nothing to change.")
    loses_skills = "skills" in changes and not set(before["skills"]) <= set(changes["skills"])
    if loses_skills or _MOVES & changes.keys():
        return N_("Saved. Visits that the engineer can no longer make go to other engineers.")
    return N_("Saved.")


async def _page(
    visit: PageRequest, form: Form, seen: str, status: int, now: Mapping[str, Any] | None = None
) -> Response:
    page = ChangePage(
        path_of(PATH, visit.path_value("engineerId")),
        form,
        seen,
        await reach_if_there(visit),
        day_names(visit.texts),
        summary_of(now, visit.texts) if now else (),
        now,
    )
    return await visit.page("staff/change.html", page, status)
