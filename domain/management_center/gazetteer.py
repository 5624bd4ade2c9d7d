"""Gazetteer (지명 사전): the provinces and municipalities of Korea, and the names by which addresses call them.

The data is in `provinces.csv` and `municipalities.csv` beside this file, with its source and date.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files

from domain.common.texts import folded

_UNITS = {"-si": (" si", "si", " city"), "-gun": (" gun", "gun", " county"), "-gu": (" gu", "gu", " district")}
"""Ends of romanized names, and how they are written otherwise."""


@dataclass(frozen=True)
class Municipality:
    """A city, county or district (시·군·구), which may exist no more."""

    region: str
    """ISO 3166-2:KR code of the region in which it lies today."""
    city: frozenset[str] = frozenset()
    """Names of the city of which it is a district."""
    formerly_in: frozenset[str] = frozenset()
    """Regions in which older addresses place it."""

    def backed_by(self, name: str, regions_of_name: frozenset[str]) -> int:
        """Return how much another name in the address speaks for this municipality, rather than one of its name."""
        if name in self.city or self.region in regions_of_name:
            return 2
        return 1 if self.formerly_in & regions_of_name else 0


def _rows(file: str) -> Iterator[dict[str, str]]:
    lines = files(__package__).joinpath(file).read_text(encoding="utf-8").splitlines()
    return csv.DictReader(line for line in lines if not line.startswith("#"))


def _provinces() -> Mapping[str, frozenset[str]]:
    rows = _rows("provinces.csv")
    return {folded(name): frozenset(row["regions"].split()) for row in rows for name in row["names"].split("|")}


def _stem(name: str, latin: str) -> set[str]:
    """Return the names without their unit: 수원, suwon."""
    return {name[:-1], folded(latin).rpartition("-")[0]}


def _spellings(name: str, latin: str) -> Iterator[str]:
    yield name
    yield folded(latin)
    stem, hyphen, unit = folded(latin).rpartition("-")
    # What is usual for a province, such as Gwangju City, stays the province's.
    yield from (stem + end for end in _UNITS[hyphen + unit] if stem + end not in PROVINCES)


def _municipalities() -> tuple[Mapping[str, tuple[Municipality, ...]], Mapping[str, tuple[Municipality, ...]]]:
    named: dict[str, list[Municipality]] = defaultdict(list)
    cities: dict[str, list[Municipality]] = defaultdict(list)
    names_of_city: dict[str, frozenset[str]] = {"": frozenset()}
    rows = list(_rows("municipalities.csv"))
    for row in rows:
        if row["name"].endswith("시"):
            spellings = _spellings(row["name"], row["latin"])
            names_of_city[row["name"]] = frozenset(spellings) | _stem(row["name"], row["latin"])
    for row in rows:
        place = Municipality(row["region"], names_of_city[row["city"]], frozenset(row["formerly_in"].split()))
        for name in _spellings(row["name"], row["latin"]):
            named[name].append(place)
        if row["name"] in names_of_city:
            for stem in _stem(row["name"], row["latin"]) - PROVINCES.keys():
                cities[stem].append(place)
    return {name: tuple(places) for name, places in named.items()}, {
        stem: tuple(places) for stem, places in cities.items()
    }


PROVINCES = _provinces()
"""The regions of each name of a province or metropolitan city. Merged provinces have several."""
MUNICIPALITIES, CITIES = _municipalities()
"""The municipalities of each full name (수원시, suwon-si); the cities of each name without its unit (수원, suwon)."""
COUNTRY = ("대한민국", "한국")
"""The country, where nothing separates it from what follows."""
