"""A manager of the whole country adds or changes a product or a service area.

The form of a change names what it was made from. If somebody has changed the same thing meanwhile, nothing is done: the
form comes back, filled, beside the thing as it is now. Sent again, it is meant for that.

The form of a new service area has a key, so that two requests at once add one area, too. A product has its own id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from http import HTTPStatus
from json import dumps
from typing import Any

from starlette.responses import Response

from console import labels
from console.catalog.kinds import PRODUCTS, Kind, Values
from console.catalog.listing import Staff, staff_of
from console.forms import Form, form_key, missing
from console.lists import all_of
from console.managers.center import Refusal, refusal, require_whole_country
from console.page_request import PageRequest
from console.paths import path_of
from console.problems import SENTENCES
from console.routing import Handler
from console.service import ApiAway, Problem
from console.sessions import Flash
from console.texts import N_, Texts

_CHANGED = N_("Somebody has changed it in the meantime. Your change was not made.")
_REMOVED = N_("Somebody has removed it in the meantime. If you send the form again, it is added anew.")
_UNCHANGED = N_("Nothing was different, so nothing was changed.")
_NOBODY_CAN = N_("No engineer has all of these skills. Orders for the product wait until one has.")


@dataclass(frozen=True)
class EditPage:
    """The form of a thing."""

    kind: Kind
    form: Form
    path: str
    """Where the form is sent."""
    thing_id: str | None = None
    """None: it is added."""
    seen: str = ""
    """What the form was made from."""
    now: Mapping[str, str] = field(default_factory=dict)
    """Fields of the thing as it is now, if somebody has changed it meanwhile."""
    skills: Sequence[str] = ()
    """Skills that engineers have."""

    @property
    def key(self) -> str | None:
        """The key of the form, if it adds a thing that gets its id from the API."""
        return None if self.thing_id or self.kind.key in self.kind.fields else form_key(self.form.values)

    @property
    def regions(self) -> Sequence[str]:
        """Regions to choose from: all that are known, and what was chosen before."""
        return sorted({*labels.REGION, self.form.value("region")} - {""})

    def names(self, texts: Texts) -> dict[str, str]:
        """Return what the fields are called, for a summary of what is wrong with them."""
        return {name: texts(label) for name, label in self.kind.fields.items()}


def asking_new(kind: Kind) -> Handler:
    """Return what shows an empty form."""

    async def ask(visit: PageRequest) -> Response:
        await require_whole_country(visit)
        return await _show(visit, EditPage(kind, Form({"orderable": "1"}), kind.new))

    return ask


def adding(kind: Kind) -> Handler:
    """Return what adds a thing. The same is not added twice, however often the form is sent."""

    async def add(visit: PageRequest) -> Response:
        values = await visit.form()
        page = EditPage(kind, Form(values), kind.new)
        key = page.key
        if key:
            values["key"] = key
        if incomplete := missing(values, _required(kind, adds=True), visit.texts):
            return await _again(visit, page, Refusal(incomplete))
        body = kind.body_of(values) | ({kind.key: values[kind.key]} if kind.key in kind.fields else {})
        try:
            await require_whole_country(visit)
            # What is beyond the bound is not seen. Then the API refuses an id that is there already.
            there = (await all_of(visit.api, kind.api)).items
            known = any(all(one[member] == value for member, value in body.items()) for one in there)
            if not known:
                headers = {"Idempotency-Key": key} if key else {}
                known = (await visit.api.send("POST", kind.api, body, headers=headers)).status == HTTPStatus.OK
        except (ApiAway, Problem) as error:
            return await _again(visit, page, _refusal(error, kind, values, visit.texts))
        said = Flash(visit.texts(kind.known), "note") if known else Flash(visit.texts(kind.added))
        return visit.redirect(kind.path, await _warned(visit, body, said))

    return add


def asking_change(kind: Kind) -> Handler:
    """Return what shows the form of a thing."""

    async def ask(visit: PageRequest) -> Response:
        await require_whole_country(visit)
        thing_id = visit.path_value(kind.key)
        values = kind.values_of(await visit.api.get(path_of(kind.api, thing_id)))
        return await _show(visit, _page_of(kind, thing_id, Form(values), _fingerprint(values)))

    return ask


def changing(kind: Kind) -> Handler:
    """Return what changes a thing."""

    async def change(visit: PageRequest) -> Response:
        thing_id, values = visit.path_value(kind.key), await visit.form()
        page = _page_of(kind, thing_id, Form(values), values.get("seen", ""))
        if incomplete := missing(values, _required(kind, adds=False), visit.texts):
            return await _again(visit, page, Refusal(incomplete))
        try:
            await require_whole_country(visit)
            there = await visit.api.get(path_of(kind.api, thing_id))
            different = {member: value for member, value in kind.body_of(values).items() if there[member] != value}
            now = kind.values_of(there)
            if different and _fingerprint(now) != page.seen:
                page = replace(page, seen=_fingerprint(now), now=now)
                return await _again(visit, page, Refusal(Form(values, summary=visit.texts(_CHANGED)), 409))
            if different:
                await visit.api.send("PATCH", path_of(kind.api, thing_id), different)
        except Problem as problem:
            if problem.status == HTTPStatus.NOT_FOUND:
                form = Form({kind.key: thing_id, **values}, summary=visit.texts(_REMOVED))
                return await _again(visit, EditPage(kind, form, kind.new), Refusal(form, problem.status))
            return await _again(visit, page, _refusal(problem, kind, values, visit.texts))
        except ApiAway as error:
            return await _again(visit, page, _refusal(error, kind, values, visit.texts))
        said = Flash(visit.texts(kind.changed)) if different else Flash(visit.texts(_UNCHANGED), "note")
        return visit.redirect(kind.path, await _warned(visit, different, said))

    return change


def _page_of(kind: Kind, thing_id: str, form: Form, seen: str) -> EditPage:
    return EditPage(kind, form, kind.change_of(thing_id), thing_id, seen)


def _required(kind: Kind, *, adds: bool) -> Sequence[str]:
    own = [kind.key] if adds and kind.key in kind.fields else []
    return [*own, *kind.required]


def _fingerprint(values: Values) -> str:
    return sha256(dumps(values, sort_keys=True).encode()).hexdigest()[:32]


def _refusal(error: Problem | ApiAway, kind: Kind, values: Values, texts: Texts) -> Refusal:
    refused = refusal(error, values, texts, kind.pointers(values))
    if isinstance(error, Problem) and error.slug == "already-exists":
        taken = {kind.key: texts(SENTENCES[error.slug])}
        return replace(refused, form=replace(refused.form, errors=taken))
    return refused


async def _again(visit: PageRequest, page: EditPage, refused: Refusal) -> Response:
    return await _show(visit, replace(page, form=refused.form), refused.status)


async def _show(visit: PageRequest, page: EditPage, status: int = 200) -> Response:
    staff = await staff_of(visit.api) if page.kind is PRODUCTS else Staff()
    return await visit.page("catalog/edit.html", replace(page, skills=staff.every_skill), status)


async def _warned(visit: PageRequest, sent: Mapping[str, Any], said: Flash) -> Flash:
    """Return what is said, or a warning if nobody can install the product."""
    skills = sent.get("skills")
    if not skills or (await staff_of(visit.api)).can_install(skills):
        return said
    return Flash(f"{said.text} {visit.texts(_NOBODY_CAN)}", "alert")
