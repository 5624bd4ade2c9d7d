"""The first and the last day that a page is asked for, as native date inputs send them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from starlette.datastructures import QueryParams

from console.texts import N_, Texts

FIRST, LAST = "from", "to"
"""Names of the fields, and of the parameters of the API. Both days are included."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EARLIEST, _LATEST = date(1970, 1, 1), date(8999, 12, 31)
_NO_DAY = N_("Please choose a day.")
_REVERSED = N_("The last day is before the first.")
_TOO_LONG = N_("At most %(most)s days can be shown at once.")


@dataclass(frozen=True)
class Days:
    """A span of days. None: it is open there."""

    first: date | None
    last: date | None
    errors: Mapping[str, str]
    """What cannot be taken, as sentences by field."""


def days_in(query: QueryParams, texts: Texts, *, most: int | None = None, default: int | None = None) -> Days:
    """Return the span that an address names.

    Args:
        query: The query of the address.
        texts: The language of the sentences.
        most: The largest number of days.
        default: The number of days up to the last one, and the last one is today, unless the address names others.
    """
    found = {name: _day_of(query.get(name, "")) for name in (FIRST, LAST)}
    errors = {name: texts(_NO_DAY) for name, day in found.items() if day is None and query.get(name)}
    if errors:
        return Days(found[FIRST], found[LAST], errors)
    first, last = found[FIRST], found[LAST]
    if default is not None:
        last = last or texts.today()
        first = first or max(last - timedelta(days=default - 1), _EARLIEST)
    if first and last and first > last:
        errors[LAST] = texts(_REVERSED)
    elif first and last and most is not None and (last - first).days >= most:
        errors[FIRST] = texts(_TOO_LONG, most=texts.number(most))
    return Days(first, last, errors)


def _day_of(text: str) -> date | None:
    if not _DAY.fullmatch(text):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if _EARLIEST <= day <= _LATEST else None
