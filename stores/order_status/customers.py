"""Conditions that find orders by their customers, from the columns that the view has anyway.

No column holds a copy for the search, so nothing of it can outlive an erasure, also by an older release.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Literal

from sqlalchemy import ColumnElement, Table, func

FEWEST_DIGITS = 4
"""Digits by which a telephone number is found."""
_SEPARATORS = "-.()/ +"
"""What people write between the digits of a telephone number."""
_A_NUMBER = re.compile(rf"[0-9{re.escape(_SEPARATORS)}]+")
_COUNTRY = "82"
_A_WHOLE_NUMBER = 9
"""Digits from which on a text that begins with 0 is a whole domestic number."""
_FORMS: tuple[Literal["NFC", "NFD", "NFKC"], ...] = ("NFC", "NFD", "NFKC")


def of_customer(q: str, table: Table) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions: a part of the name, or digits of the telephone number."""
    name = func.lower(table.c.customer_name)
    words = " ".join(q.split())
    for text in sorted({unicodedata.normalize(form, words).lower() for form in _FORMS}):
        yield name.contains(text, autoescape=True)
    digits = _digits(q)
    if len(digits) >= FEWEST_DIGITS:
        number: ColumnElement[Any] = table.c.contact_phone
        for separator in _SEPARATORS:
            number = func.replace(number, separator, "")
        yield number.contains(digits)


def _digits(q: str) -> str:
    """Return the digits of a telephone number, without what only a domestic or an international one begins with."""
    text = unicodedata.normalize("NFKC", q).strip()
    if not _A_NUMBER.fullmatch(text):
        return ""
    digits = re.sub("[^0-9]", "", text)
    if text.startswith("+"):
        return digits.removeprefix(_COUNTRY)
    return digits[1:] if digits.startswith("0") and len(digits) >= _A_WHOLE_NUMBER else digits
