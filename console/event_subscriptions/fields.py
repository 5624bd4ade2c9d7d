"""The form of an event subscription, and the members of the API that its fields mean."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from json import dumps
from typing import Any

from console.forms import Form, missing
from console.texts import N_, Texts
from domain.event_delivery.subscriptions import MOST_IN_BATCH

_TYPE, _REGION = "type-", "region-"
"""Beginnings of the names of the fields that choose a type of events, or a region."""
_MOST = 50
"""Types or regions of a subscription."""
_NUMBERS: Mapping[str, tuple[int, str]] = {
    "atOnce": (16, N_("Please enter a whole number from 1 to 16.")),
    "batch": (MOST_IN_BATCH, N_("Please enter a whole number from 1 to 100.")),
    "perMinute": (60_000, N_("Please enter a whole number from 1 to 60,000, or nothing.")),
}
"""The largest number in a field, and what is said if there is another one."""
_DIGITS = re.compile("[0-9]{1,5}")
_POSITION = re.compile("[0-9]{1,20}")
_WRONG = N_("Some of what you entered cannot be accepted.")
LABELS: Mapping[str, str] = {
    "name": N_("Name"),
    "url": N_("Address of the consumer"),
    "types": N_("Events"),
    "regions": N_("Regions"),
    "atOnce": N_("Requests at once"),
    "batch": N_("Events in a request"),
    "perMinute": N_("Requests a minute, at most"),
    "start": N_("Where to begin"),
    "time": N_("Time"),
    "position": N_("Position"),
}
"""What the fields are called."""
HERE, OLDEST, NEXT, AT, AFTER = "here", "beginning", "end", "time", "position"
"""Where to begin: where the consumer was, with the oldest event that is kept, with the next event, at a time, or after
a position."""
STARTS: Mapping[str, str] = {
    HERE: N_("Where the consumer was"),
    NEXT: N_("With the next event"),
    OLDEST: N_("With the oldest event that is kept"),
    AT: N_("At a time"),
    AFTER: N_("After a position in the log of events"),
}

Values = Mapping[str, str]
"""The fields of a form."""


class FormPage:
    """A page with a form of an event subscription."""

    def names(self, texts: Texts) -> dict[str, str]:
        """Return what the fields are called, for a summary of what is wrong with them."""
        return {name: texts(label) for name, label in LABELS.items()}


def chosen_types(values: Values) -> Sequence[str]:
    """Return the types that were chosen."""
    return _chosen(values, _TYPE)


def chosen_regions(values: Values) -> Sequence[str]:
    """Return the regions that were chosen."""
    return _chosen(values, _REGION)


def batch_of(facts: Mapping[str, Any]) -> int:
    """Return the largest number of events in a request. An API of the release before sends single events."""
    return int(facts.get("batch", 1))


def values_of(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return a subscription of the API as the values of the form."""
    return {
        "name": facts["name"],
        "url": facts["url"],
        "atOnce": str(facts["atOnce"]),
        "batch": str(batch_of(facts)),
        "perMinute": str(facts["perMinute"] or ""),
        **{_TYPE + one: "1" for one in facts["types"] or ()},
        **{_REGION + one: "1" for one in facts["regions"] or ()},
    }


def body_of(values: Values) -> dict[str, Any]:
    """Return the values of a complete form as the members of the API. No choice means all."""
    return {
        "name": values["name"],
        "url": values["url"],
        "types": chosen_types(values) or None,
        "regions": chosen_regions(values) or None,
        "atOnce": int(values["atOnce"]),
        "batch": int(values["batch"]),
        "perMinute": int(values["perMinute"]) if values.get("perMinute") else None,
    }


def incomplete(values: Values, texts: Texts) -> Form | None:
    """Return the form again if something is missing, or cannot be sent to the API."""
    form = missing(values, ("name", "url", "atOnce", "batch"), texts) or Form(values)
    errors = dict(form.errors)
    for name, (most, said) in _NUMBERS.items():
        given = values.get(name)
        if given and not (_DIGITS.fullmatch(given) and 1 <= int(given) <= most):
            errors[name] = texts(said)
    return _with(form, errors, texts)


def start_of(values: Values, texts: Texts, choices: Sequence[str]) -> tuple[str | None, Form | None]:
    """Return where to begin, as the API takes it, or the form again. None: where the consumer was.

    Args:
        values: The fields of the form.
        texts: The language, and the time zone of a time that was entered.
        choices: What can be chosen.
    """
    choice = values.get("start", "")
    form, errors = Form(values), dict[str, str]()
    start: str | None = choice
    if choice not in choices:
        errors["start"] = texts("Please choose one.")
    elif choice == HERE:
        start = None
    elif choice == AT:
        try:
            start = datetime.fromisoformat(values.get(AT, "")).replace(tzinfo=texts.zone).isoformat()
        except ValueError:
            errors[AT] = texts("Please enter a day and a time.")
    elif choice == AFTER:
        start = values.get(AFTER, "")
        if not _POSITION.fullmatch(start):
            errors[AFTER] = texts("Please enter the digits of a position.")
    return start, _with(form, errors, texts)


def pointers(values: Values) -> dict[str, str]:
    """Return the fields by the JSON pointers of the API."""
    each = {f"/{name}/{at}": name for name in ("types", "regions") for at in range(_MOST)}
    choice = values.get("start", "")
    return {f"/{name}": name for name in LABELS} | each | {"/from": choice if choice in (AT, AFTER) else "start"}


def state_of(values: Values) -> str:
    """Return a text that is the same as long as nobody changes what the form shows."""
    return sha256(dumps(values, sort_keys=True).encode()).hexdigest()[:32]


def _chosen(values: Values, beginning: str) -> list[str]:
    return sorted(
        name.removeprefix(beginning) for name, value in values.items() if name.startswith(beginning) and value
    )


def _with(form: Form, errors: Mapping[str, str], texts: Texts) -> Form | None:
    return replace(form, errors=errors, summary=texts(_WRONG)) if errors else None
