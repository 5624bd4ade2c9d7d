"""The form of an engineer, and the members of the API that its fields mean."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from babel.dates import format_date

from console import labels
from console.forms import Form, missing
from console.texts import N_, Texts
from domain.management_center.staff import WORKING_DAYS, Weekday, WorkingHours

_MOST_SKILLS = 50
_ANY_MONDAY = date(2024, 1, 1)
_ON = "on-"
"""Beginning of the names of the fields that say whether somebody works on a day of the week."""
_VISITS = re.compile(r"[1-9][0-9]?|100")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}")
# With the commas of Korean and other East Asian keyboards.
_BETWEEN_SKILLS = re.compile("[,\u3001\uff0c\n]")
POINTERS: Mapping[str, str] = {
    "/name": "name",
    "/region": "region",
    "/skills": "skills",
    **{f"/skills/{number}": "skills" for number in range(_MOST_SKILLS)},
    "/workingHours": "until",
    "/workingHours/from": "from",
    "/workingHours/until": "until",
    "/visitsPerWindow": "visits",
}
"""Fields of the form by JSON pointer."""


def day_names(texts: Texts) -> Mapping[str, str]:
    """Return the days of the week by code."""
    return {
        day.value: format_date(_ANY_MONDAY + timedelta(days=number), "EEE", locale=texts.locale)
        for number, day in enumerate(Weekday)
    }


def field_of(day: str) -> str:
    """Return the name of the field that says whether somebody works on a day of the week."""
    return f"{_ON}{day}"


def new_values(region: str | None) -> Mapping[str, str]:
    """Return what the form of a new engineer begins with."""
    usual = WorkingHours()
    hours = {"from": f"{usual.start:%H:%M}", "until": f"{usual.end:%H:%M}"}
    return {"region": region or "", **hours, **{field_of(day): "1" for day in WORKING_DAYS}}


def values_of(engineer: Mapping[str, Any]) -> Mapping[str, str]:
    """Return an engineer of the API as the values of the form."""
    return {
        "name": engineer["name"],
        "region": engineer["region"],
        "skills": ", ".join(engineer["skills"]),
        "visits": str(engineer["visitsPerWindow"] or ""),
        **engineer["workingHours"],
        **{field_of(day): "1" for day in engineer["workingDays"]},
        **({"active": "1"} if engineer["active"] else {}),
    }


def incomplete(values: Mapping[str, str], texts: Texts) -> Form | None:
    """Return the form again if something is missing, or cannot be sent to the API."""
    form = missing(values, ["name", "from", "until"], texts, choices=["region"]) or Form(values)
    errors = dict(form.errors)
    if values.get("visits") and not _VISITS.fullmatch(values["visits"]):
        errors["visits"] = texts("Please enter a whole number from 1 to 100.")
    begins, ends = (values.get(name, "") for name in ("from", "until"))
    if _TIME.fullmatch(begins) and _TIME.fullmatch(ends) and ends <= begins:
        errors["until"] = texts("The end has to be after the beginning.")
    if not errors:
        return None
    return replace(form, errors=errors, summary=texts(N_("Some of what you entered cannot be accepted.")))


def body_of(values: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the values of a complete form as the members of the API, but for `active`."""
    skills = (one.strip() for one in _BETWEEN_SKILLS.split(values.get("skills", "")))
    return {
        "name": values["name"],
        "region": values["region"],
        "skills": sorted({one for one in skills if one}),
        "workingDays": [day.value for day in Weekday if values.get(field_of(day))],
        "workingHours": {"from": values["from"], "until": values["until"]},
        "visitsPerWindow": int(values["visits"]) if values.get("visits") else None,
    }


def state_of(engineer: Mapping[str, Any]) -> str:
    """Return a text that is the same as long as nobody changes the engineer."""
    return hashlib.sha256(json.dumps(engineer, sort_keys=True).encode()).hexdigest()[:32]


def summary_of(engineer: Mapping[str, Any], texts: Texts) -> Sequence[tuple[str, str]]:
    """Return what is agreed with an engineer: what it is called, marked for translation, and how it is."""
    names = day_names(texts)
    hours, visits = engineer["workingHours"], engineer["visitsPerWindow"]
    return [
        (N_("Region"), labels.labeler(texts)("region", engineer["region"])),
        (N_("Skills"), ", ".join(engineer["skills"]) or texts(N_("None"))),
        (N_("Working days"), " ".join(names[day] for day in engineer["workingDays"]) or texts(N_("None"))),
        (N_("Working hours"), f"{hours['from']}–{hours['until']}"),
        (N_("Visits at the same time"), texts.number(visits) if visits else texts(N_("As usual"))),
    ]
