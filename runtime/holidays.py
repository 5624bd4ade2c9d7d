"""National holidays (공휴일), substitute holidays included, as the library `holidays` knows them."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated

from pydantic import AfterValidator

from domain.management_center.staff import Holiday

NONE = "none"
"""The setting by which no holidays count."""
_ENGLISH = "en_US"


class NationalHolidays:
    """The holidays of a country, or none. Each year is computed once, in about a millisecond."""

    def __init__(self, country: str) -> None:
        self._compute = _computation(country) if country != NONE else lambda _: {}
        self._years: dict[int, Mapping[date, Holiday]] = {}

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and day in self._in(day.year)

    def of(self, year: int) -> list[Holiday]:
        """Return the holidays of a year, in order. Several on one day are one, with all their names."""
        return list(self._in(year).values())

    def _in(self, year: int) -> Mapping[date, Holiday]:
        if year not in self._years:
            self._years[year] = self._compute(year)
        return self._years[year]


def _computation(country: str) -> Callable[[int], Mapping[date, Holiday]]:
    # Imported here, because it takes half a second, which commands that book nothing need not wait for.
    from holidays import country_holidays

    known = country_holidays(country)
    # Without a language, the library takes that of the environment.
    language = known.default_language
    english = _ENGLISH if _ENGLISH in known.supported_languages else language

    def compute(year: int) -> Mapping[date, Holiday]:
        local, translated = (
            country_holidays(country, years=year, expand=False, language=each) for each in (language, english)
        )
        return {day: Holiday(day, translated[day], local[day]) for day in sorted(local) if day.year == year}

    return compute


def _known(country: str) -> str:
    from holidays.registry import EntityLoader

    if country == NONE or country in EntityLoader.get_country_codes():
        return country
    raise ValueError(f"must be the code of a country whose holidays are known, such as KR, or {NONE}")


Country = Annotated[str, AfterValidator(_known)]
"""The code of a country (ISO 3166-1), or `NONE`."""
