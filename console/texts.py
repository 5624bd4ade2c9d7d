"""What people read: both languages, and dates and times as each of them writes them, in the time zone of the visits.

The texts in the code are English, and are the keys of the Korean catalogs in `console/locales/ko/`. A text that is
translated later than it is written down is marked by `N_`.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, tzinfo
from functools import cached_property
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton, format_time, format_timedelta, get_timezone_name
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import Translations

LOCALES = Path(__file__).with_name("locales")
KOREAN, ENGLISH = "ko", "en"
LANGUAGES = (KOREAN, ENGLISH)
_GROUPS_OF_TEN = (2, 3)
"""Digits of the area code of a Korean telephone number: 02 is Seoul, all others have three."""


def N_(text: str) -> str:  # noqa: N802 - the established name of the mark
    """Mark a text for translation."""
    return text


def catalog_files(language: str) -> list[Path]:
    """Return the catalogs of a language: one for each subject."""
    return sorted((LOCALES / language).glob("*.po"))


def translations(language: str) -> NullTranslations:
    """Return the texts of a language. English has none: it is the language of the code."""
    merged = Catalog(locale=language, charset="utf-8")
    for file in catalog_files(language):
        with file.open("rb") as opened:
            for message in read_po(opened, locale=language, abort_invalid=True):
                if message.id:
                    merged.add(message.id, message.string, context=message.context)
    if not len(merged):
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, merged)
    compiled.seek(0)
    return Translations(compiled)


class Texts:
    """The texts of one language."""

    def __init__(self, language: str, zone: tzinfo) -> None:
        self.language = language
        self.zone = zone
        self.locale = Locale(language)
        self.translations = translations(language)

    @cached_property
    def zone_label(self) -> str:
        """Name of the time zone for people: `한국 표준시`."""
        return get_timezone_name(self.zone, locale=self.locale)

    def __call__(self, text: str, **values: object) -> str:
        """Return a text in this language, with values in the places that are named `%(name)s`."""
        translated = self.translations.gettext(text)
        return translated % values if values else translated

    def count(self, one: str, many: str, number: int, **values: object) -> str:
        """Return a text with a number, `%(num)s`."""
        return self.translations.ngettext(one, many, number) % {"num": self.number(number), **values}

    def number(self, number: float) -> str:
        """Return a number with its groups of digits."""
        return str(format_decimal(number, locale=self.locale))

    def local(self, at: datetime | str) -> datetime:
        """Return a point in time, or a time as the API writes it, in the time zone of the visits."""
        return moment(at).astimezone(self.zone)

    def today(self) -> date:
        """Return the day that it is where the visits are."""
        return datetime.now(self.zone).date()

    def day(self, at: datetime | date | str) -> str:
        """Return the day with its weekday: `12월 1일 (화)`, `Tue, Dec 1`. With the year, if that is not this year."""
        day = at if type(at) is date else self.local(at)  # type: ignore[arg-type] # a datetime is a date, too
        skeleton = "MMMEd" if day.year == self.today().year else "yMMMEd"
        return str(format_skeleton(skeleton, day, tzinfo=None, locale=self.locale))

    def date(self, at: datetime | date | str) -> str:
        """Return the date with its year."""
        day = date.fromisoformat(at) if isinstance(at, str) and len(at) == len("2026-12-01") else at
        return format_date(day if type(day) is date else self.local(day), "long", locale=self.locale)  # type: ignore[arg-type]

    def time(self, at: datetime | str) -> str:
        """Return the time of day: `14:03`."""
        return format_time(self.local(at), "HH:mm", locale=self.locale)

    def moment(self, at: datetime | str) -> str:
        """Return day and time."""
        return f"{self.day(at)} {self.time(at)}"

    def full_moment(self, at: datetime | str) -> str:
        """Return date and time with the time zone, for what is shown where the pointer rests."""
        return format_datetime(self.local(at), "long", tzinfo=self.zone, locale=self.locale)

    def hours(self, window: Mapping[str, Any]) -> str:
        """Return the hours of a visit window of the API: `09:00–11:00`."""
        return f"{self.time(window['start'])}–{self.time(window['end'])}"

    def window(self, window: Mapping[str, Any]) -> str:
        """Return day and hours of a visit window of the API: `12월 1일 (화) 09:00–11:00`."""
        return f"{self.day(window['start'])} {self.hours(window)}"

    def ago(self, at: datetime | str) -> str:
        """Return how long ago something was, or in how long it will be: `3분 전`."""
        past = moment(at) - datetime.now(UTC)
        return format_timedelta(past, add_direction=True, locale=self.locale)

    @staticmethod
    def phone(number: str) -> str:
        """Return a telephone number as it is written in Korea, or as it was given if it has another form."""
        digits = re.sub(r"[ ()-]", "", number)
        if not re.fullmatch(r"0\d{8,10}", digits):
            return number
        area = _GROUPS_OF_TEN[0 if digits.startswith("02") else 1]
        return f"{digits[:area]}-{digits[area:-4]}-{digits[-4:]}"

    @staticmethod
    def dialed(number: str) -> str:
        """Return the link that calls a telephone number."""
        return "tel:" + re.sub(r"[^0-9+]", "", number)


def moment(at: datetime | str) -> datetime:
    """Return a point in time, or a time as the API writes it."""
    return at if isinstance(at, datetime) else datetime.fromisoformat(at)


def preferred_language(header: str) -> str:
    """Return the language of a browser that none was chosen in: what it prefers, or Korean if it says nothing."""
    return next((language for language in _accepted(header) if language in LANGUAGES), ENGLISH if header else KOREAN)


def _accepted(header: str) -> Iterator[str]:
    """Yield the languages in an `Accept-Language` header, the preferred first."""
    weighed = []
    for each in header[:200].split(","):
        name, _, quality = each.strip().partition(";q=")
        try:
            weighed.append((-float(quality or 1), name.partition("-")[0].lower()))
        except ValueError:
            continue
    yield from (name for _, name in sorted(weighed, key=lambda one: one[0]))
