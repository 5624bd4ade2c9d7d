"""A manager adds a day off or an extra shift: of one engineer, or of a whole region.

The form has a key, so that two requests at once add one entry, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from console.calendars.kinds import Kind
from console.forms import Form, form_key, missing
from console.lists import all_of
from console.managers.center import ENGINEERS, Refusal, reach_of, refusal
from console.page_request import PageRequest
from console.paths import path_of
from console.routing import Handler
from console.service import Api, ApiAway, Problem
from console.sessions import Flash
from console.texts import N_, Texts

WHOLE_REGION = "*"
"""What is chosen instead of an engineer."""
_POINTERS: Mapping[str, str] = {
    "/engineerId": "who",
    "/region": "who",
    "/from": "from",
    "/to": "to",
    "/hours": "until",
    "/hours/from": "since",
    "/hours/until": "until",
    "/reason": "reason",
}
_NO_DAY = N_("Please enter a date.")


@dataclass(frozen=True)
class Choices:
    """For whom an entry can be."""

    regions: Sequence[str]
    region: str | None
    """None: it has to be chosen first."""
    engineers: Sequence[Mapping[str, Any]] = ()
    complete: bool = True
    """Whether these are all engineers of the region."""
    away: bool = False
    """Whether the engineers cannot be shown now."""


@dataclass(frozen=True)
class AddPage:
    """The form of a new entry."""

    kind: Kind
    choices: Choices
    form: Form

    @property
    def key(self) -> str:
        """The key of the form."""
        return form_key(self.form.values)

    def names(self, texts: Texts) -> dict[str, str]:
        """Return what the fields are called, for a summary of what is wrong with them."""
        return {
            "who": texts("Who"),
            "from": texts("First day"),
            "to": texts("Last day"),
            "since": texts("Beginning"),
            "until": texts("End"),
            "reason": texts("Reason"),
        }


def asking(kind: Kind) -> Handler:
    """Return what shows the form. The address may name the region or the engineer, and the first day."""

    async def ask(visit: PageRequest) -> Response:
        values = {name: visit.query[name] for name in ("region", "from", "to") if visit.query.get(name)}
        if engineer_id := visit.query.get("engineerId"):
            engineer = await visit.api.get(path_of(ENGINEERS, engineer_id))
            values |= {"region": engineer["region"], "who": engineer_id}
        choices = await _choices(visit, values.get("region"))
        return await visit.page("calendars/add.html", AddPage(kind, choices, Form(values)))

    return ask


def adding(kind: Kind) -> Handler:
    """Return what adds an entry. The same entry is not added twice, however often the form is sent."""

    async def add(visit: PageRequest) -> Response:
        values = await visit.form()
        if values.pop("show", None) or values.get("region") != values.get("listed", values.get("region")):
            return await _again(visit, kind, Refusal(Form(_of_region(values)), 200))
        if incomplete := _incomplete(values, visit.texts):
            return await _again(visit, kind, Refusal(incomplete))
        body, values["key"] = _body(values), form_key(values)
        try:
            known = await _is_known(visit.api, kind, body)
            if not known:
                entry, key = body | {"reason": values.get("reason") or None}, {"Idempotency-Key": values["key"]}
                known = (await visit.api.send("POST", kind.api, entry, headers=key)).status == HTTPStatus.OK
        except (ApiAway, Problem) as error:
            return await _again(visit, kind, refusal(error, values, visit.texts, _POINTERS))
        of = "engineerId" if body["engineerId"] else "region"
        listed = f"{kind.path}?{urlencode({of: body[of], 'from': body['from']})}"
        said = Flash(visit.texts(kind.known), "note") if known else Flash(visit.texts(kind.added))
        return visit.redirect(listed, said)

    return add


def _of_region(values: Mapping[str, str]) -> Mapping[str, str]:
    """Return what was entered, for the region that was chosen. An engineer of another one is not chosen any more."""
    stays = values.get("who") == WHOLE_REGION or values.get("region") == values.get("listed")
    return values if stays else {**values, "who": ""}


def _incomplete(values: Mapping[str, str], texts: Texts) -> Form | None:
    hours = [name for name in ("since", "until") if values.get("since") or values.get("until")]
    if incomplete := missing(values, ["from", *hours], texts, choices=["who"]):
        return incomplete
    wrong = {name: texts(_NO_DAY) for name in ("from", "to") if values.get(name) and not _is_day(values[name])}
    return Form(values, wrong, texts("Some of what you entered cannot be accepted.")) if wrong else None


def _is_day(text: str) -> bool:
    try:
        return len(text) == len("2026-12-01") and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _body(values: Mapping[str, str]) -> dict[str, Any]:
    """Return the entry as the API takes it, without its reason."""
    of_region = values["who"] == WHOLE_REGION
    return {
        "engineerId": None if of_region else values["who"],
        "region": values.get("region") if of_region else None,
        "from": values["from"],
        "to": values.get("to") or values["from"],
        "hours": {"from": values["since"], "until": values["until"]} if values.get("since") else None,
    }


async def _is_known(api: Api, kind: Kind, body: Mapping[str, Any]) -> bool:
    """Return whether the same entry is there: the form was sent before, and its answer was lost.

    What cannot be looked for is for the API to refuse.
    """
    query = {name: body[name] for name in ("engineerId", "region", "from", "to")}
    try:
        # More entries of one engineer or region on the same days than are read at once are not expected.
        there = (await all_of(api, kind.api, query)).items
    except Problem as problem:
        if problem.passes:
            raise
        return False
    return any(all(entry[member] == value for member, value in body.items()) for entry in there)


async def _again(visit: PageRequest, kind: Kind, refused: Refusal) -> Response:
    values = refused.form.values
    try:
        choices = await _choices(visit, values.get("region") or None)
    except (ApiAway, Problem):
        # What was entered is shown, whatever else can be.
        choices = Choices((), values.get("region"), away=True)
    return await visit.page("calendars/add.html", AddPage(kind, choices, refused.form), refused.status)


async def _choices(visit: PageRequest, region: str | None) -> Choices:
    reach = await reach_of(visit)
    if region is None and len(reach.regions) == 1:
        [region] = reach.regions
    if region is None:
        return Choices(reach.regions, None)
    found = await all_of(visit.api, ENGINEERS, {"region": region})
    engineers = sorted(found.items, key=lambda one: (not one["active"], one["name"]))
    return Choices(reach.regions, region, engineers, found.complete)
