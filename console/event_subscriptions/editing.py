"""A manager adds or changes an event subscription.

The form of a new one has a key, so that it is added once, however often it is sent. The form of a change names what it
was made from: if somebody has changed the same subscription since it was shown, nothing is done, and the form comes
back. This is looked up just before the change is sent. Of two changes at the same moment, both are made: each sends
only the members that are different, and of one that both change, the later one counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus

from starlette.responses import Response

from console import labels
from console.event_subscriptions.addresses import KEY, OF_API, PATH, of_api, page_of
from console.event_subscriptions.fields import (
    AFTER,
    AT,
    NEXT,
    OLDEST,
    STARTS,
    FormPage,
    body_of,
    chosen_regions,
    chosen_types,
    incomplete,
    pointers,
    start_of,
    state_of,
    values_of,
)
from console.event_subscriptions.refusals import form_again
from console.event_subscriptions.secret import show_secret
from console.event_subscriptions.terms import ORDERS_EVENTS, event_text, terms_of
from console.forms import Form, form_key
from console.managers.center import Refusal, reach_if_there
from console.page_request import PageRequest
from console.paths import path_of
from console.service import ApiAway, Problem
from console.sessions import Flash
from console.texts import N_, Texts

_STARTS = (NEXT, OLDEST, AT, AFTER)
_ADDED_BEFORE = N_(
    "It was added already, but its secret is shown only once, and was not seen. Please make a new secret."
)
_CHANGED = N_("Somebody has changed it in the meantime. Your change was not made.")
_UNCHANGED = N_("Nothing was different, so nothing was changed.")


@dataclass(frozen=True)
class EditPage(FormPage):
    """The form of a subscription."""

    form: Form
    path: str
    """Where the form is sent."""
    back: str
    types: Mapping[str, str]
    """Types of events to choose from, with what they are called."""
    regions: Sequence[str]
    limited: bool
    """Whether the manager is limited to these regions."""
    hidden: Mapping[str, str]
    starts: Mapping[str, str] = field(default_factory=dict)
    """Where to begin. Empty: this is not asked."""
    now: Sequence[tuple[str, str]] = ()
    """The subscription as it is now, if somebody has changed it meanwhile."""

    def chosen(self, field: str) -> bool:
        """Whether something is chosen among types or regions, or wrong about it."""
        chosen = {"types": chosen_types, "regions": chosen_regions}[field]
        return bool(chosen(self.form.values)) or field in self.form.errors

    def region_names(self, texts: Texts) -> dict[str, str]:
        """Return the regions to choose from, with what they are called."""
        label = labels.labeler(texts)
        return {region: label("region", region) for region in self.regions}


async def ask_new(visit: PageRequest) -> Response:
    """Show an empty form."""
    return await _new(visit, Refusal(Form({"atOnce": "4", "batch": "1", "start": NEXT}), 200))


async def add(visit: PageRequest) -> Response:
    """Add a subscription. The answer has its secret, which is shown this once."""
    values, texts = await visit.form(), visit.texts
    start, wrong = start_of(values, texts, _STARTS)
    if again := _both(incomplete(values, texts), wrong):
        return await _new(visit, Refusal(again))
    key = form_key(values)
    try:
        body = body_of(values) | {"from": start}
        answer = await visit.api.send("POST", OF_API, body, headers={"Idempotency-Key": key})
    except (ApiAway, Problem) as error:
        # With other entries, the same key would be refused again.
        reused = isinstance(error, Problem) and error.slug == "idempotency-key-reused"
        kept = {**values, "key": "" if reused else key}
        return await _new(visit, form_again(error, kept, texts, pointers(values)))
    path = path_of(PATH, answer.body[KEY])
    if answer.status != HTTPStatus.CREATED:
        return visit.redirect(path, Flash(texts(_ADDED_BEFORE), "alert"))
    return await show_secret(visit, path, answer.body["secret"], previous_until=None, added=True)


async def ask_change(visit: PageRequest) -> Response:
    """Show the form of a subscription."""
    values = values_of(await visit.api.get(of_api(visit)))
    return await _change(visit, Refusal(Form(values), 200), state_of(values))


async def change(visit: PageRequest) -> Response:
    """Change a subscription. Only what is different is sent."""
    values, texts = await visit.form(), visit.texts
    seen = values.get("seen", "")
    if again := incomplete(values, texts):
        return await _change(visit, Refusal(again), seen)
    try:
        facts = await visit.api.get(of_api(visit))
        there = values_of(facts)
        before = body_of(there)
        different = {member: value for member, value in body_of(values).items() if value != before[member]}
        now = state_of(there)
        if different and now != seen:
            refused = Refusal(Form(values, summary=texts(_CHANGED)), 409)
            return await _change(visit, refused, now, terms_of(facts, texts))
        if different:
            await visit.api.send("PATCH", of_api(visit), different)
    except (ApiAway, Problem) as error:
        return await _change(visit, form_again(error, values, texts, pointers(values)), seen)
    if not different:
        return visit.redirect(page_of(visit), Flash(texts(_UNCHANGED), "note"))
    asked = "url" in different
    done = N_("Saved. The consumer at the new address has to answer a ping first.") if asked else N_("Saved.")
    return visit.redirect(page_of(visit), Flash(texts(done)))


def _both(one: Form | None, other: Form | None) -> Form | None:
    """Return one form with the errors of both."""
    if one is None or other is None:
        return one or other
    return replace(one, errors={**one.errors, **other.errors})


async def _new(visit: PageRequest, refused: Refusal) -> Response:
    key = form_key(refused.form.values)
    page = await _page(visit, refused.form, f"{PATH}/new", PATH, {"key": key})
    page = replace(page, starts={name: STARTS[name] for name in _STARTS})
    return await visit.page("event_subscriptions/edit.html", page, refused.status)


async def _change(visit: PageRequest, refused: Refusal, seen: str, now: Sequence[tuple[str, str]] = ()) -> Response:
    page = await _page(visit, refused.form, page_of(visit, "change"), page_of(visit), {"seen": seen})
    return await visit.page("event_subscriptions/edit.html", replace(page, now=now), refused.status)


async def _page(visit: PageRequest, form: Form, path: str, back: str, hidden: Mapping[str, str]) -> EditPage:
    """Return the form. It offers the manager's regions and the events of orders, and whatever was chosen before."""
    reach, texts = await reach_if_there(visit), visit.texts
    types = {one: event_text(one, texts) for one in [*ORDERS_EVENTS, *chosen_types(form.values)]}
    regions = sorted({*reach.regions, *chosen_regions(form.values)})
    return EditPage(form, path, back, types, regions, reach.limited, hidden)
