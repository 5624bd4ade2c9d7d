"""The audit, and the access log: who has done what, and who has looked at whose personal data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from console import labels
from console.forms import Form
from console.managers.center import Listed, listed
from console.page_request import PageRequest
from console.reports.days import FIRST, LAST, days_in
from console.texts import N_, Texts

AUDIT, ACCESS_LOG = "/audit", "/access-log"
OUTCOMES: Mapping[str, str] = {
    "200": N_("Done"),
    "201": N_("Added"),
    "202": N_("Recorded, not done yet"),
    "204": N_("Done, without an answer"),
    "400": N_("Not understood"),
    "401": N_("Refused: not signed in"),
    "403": N_("Refused: not allowed"),
    "404": N_("Not found, or not theirs to see"),
    "409": N_("Not possible in this state"),
    "422": N_("Cannot be accepted"),
    "429": N_("Too much at once"),
    "500": N_("The service failed"),
    "503": N_("Not available at that moment"),
}
"""Statuses of answers of the API."""
_LONGEST = 200
_TOO_LONG = N_("At most %(most)s characters are possible.")
_OF_AN_ORDER = "/orders/{orderId}"


@dataclass(frozen=True)
class Entry:
    """An entry of the audit."""

    facts: Mapping[str, Any]
    """As the API shows it."""
    actor: str
    """Who did it, as a text."""
    order: str | None
    """Address of the order that it was about."""

    @property
    def outcome(self) -> str | None:
        """What the status of the answer means, as a text marked for translation."""
        return OUTCOMES.get(str(self.facts["outcome"]))


@dataclass(frozen=True)
class AuditPage:
    """A page of the audit."""

    form: Form
    outcomes: Mapping[str, str]
    entries: Sequence[Entry]
    listing: Listed | None
    """None: the form asks for something that cannot be looked for."""


@dataclass(frozen=True)
class AccessPage:
    """A page of the access log."""

    form: Form
    entries: Sequence[Entry]
    listing: Listed | None
    """None: the form asks for something that cannot be looked for."""


async def show_audit(visit: PageRequest) -> Response:
    """Show what has been done or refused, the newest first."""
    form = _form(visit, ("actor", "target", "outcome"))
    listing = None if form.errors else await listed(visit, AUDIT, "/audit", _wanted(form))
    page = AuditPage(form, OUTCOMES, _entries(listing, visit.texts), listing)
    return await visit.page("reports/audit.html", page, 422 if form.errors else 200)


async def show_accesses(visit: PageRequest) -> Response:
    """Show who has looked at personal data, the newest first."""
    form = _form(visit, ("customerId", "actor"))
    listing = None if form.errors else await listed(visit, ACCESS_LOG, "/accessLog", _wanted(form))
    page = AccessPage(form, _entries(listing, visit.texts), listing)
    return await visit.page("reports/accesses.html", page, 422 if form.errors else 200)


def _form(visit: PageRequest, names: Sequence[str]) -> Form:
    """Return the filters of an address, with what is wrong with them."""
    texts = visit.texts
    values = {name: visit.query.get(name, "").strip() for name in (*names, FIRST, LAST)}
    too_long = {name: texts(_TOO_LONG, most=texts.number(_LONGEST)) for name in names if len(values[name]) > _LONGEST}
    return Form(values, {**too_long, **days_in(visit.query, texts).errors})


def _wanted(form: Form) -> Mapping[str, str | None]:
    return {name: value or None for name, value in form.values.items()}


def _entries(listing: Listed | None, texts: Texts) -> list[Entry]:
    return (
        [Entry(each, labels.actor(each["actor"], texts), _order_of(each)) for each in listing.items] if listing else []
    )


def _order_of(entry: Mapping[str, Any]) -> str | None:
    """Return the address of the order that an entry names. The id is escaped as in an address, or named by its hash."""
    target = entry.get("target")
    if not target or target.startswith("sha256-") or _OF_AN_ORDER not in entry["act"]:
        return None
    return f"/orders/{target}"
