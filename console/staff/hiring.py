"""A manager hires an engineer. The form has a key, so that the engineer is hired once, however often it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from starlette.responses import Response

from console.forms import Form, form_key, refused
from console.managers.center import ADDED_BEFORE, ENGINEERS, Reach, reach_if_there, reach_of
from console.page_request import PageRequest
from console.paths import path_of
from console.service import ApiAway, Problem
from console.sessions import Flash
from console.staff.fields import POINTERS, body_of, day_names, incomplete, new_values
from console.staff.listing import PATH
from console.texts import N_

_HIRED = N_(
    "%(name)s can be assigned now. To sign in, the engineer needs an account whose subject is the engineer number"
    " below."
)


@dataclass(frozen=True)
class HirePage:
    """The form of a new engineer."""

    form: Form
    key: str
    reach: Reach
    day_names: Mapping[str, str]


async def ask_hire(visit: PageRequest) -> Response:
    """Ask whom to hire."""
    reach = await reach_of(visit)
    region = visit.query.get("region")
    return await _page(visit, Form(new_values(region if region in reach.regions else None)), reach, 200)


async def hire(visit: PageRequest) -> Response:
    """Hire an engineer."""
    values = await visit.form()
    if again := incomplete(values, visit.texts):
        return await _page(visit, again, await reach_if_there(visit), 422)
    key = form_key(values)
    try:
        made = (await visit.api.send("POST", ENGINEERS, body_of(values), headers={"Idempotency-Key": key})).body
    except (ApiAway, Problem) as error:
        status = 503 if isinstance(error, ApiAway) else error.status
        if status == 401:
            raise
        # The same key would be refused again.
        added = ADDED_BEFORE.get(error.slug) if isinstance(error, Problem) else None
        form = refused(error, {**values, "key": "" if added else key}, visit.texts, POINTERS)
        if added:
            form = replace(form, summary=visit.texts(added))
        return await _page(visit, form, await reach_if_there(visit), status)
    done = Flash(visit.texts(_HIRED, name=made["name"]))
    return visit.redirect(path_of(PATH, made["engineerId"]), done)


async def _page(visit: PageRequest, form: Form, reach: Reach, status: int) -> Response:
    key = form_key(form.values)
    return await visit.page("staff/hire.html", HirePage(form, key, reach, day_names(visit.texts)), status)
