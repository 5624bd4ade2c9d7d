"""Addresses (주소): which region of the country an address belongs to.

A service area has words of its own (`matches`). Beside them, the gazetteer knows every municipality of Korea, so that
an address without a province has a region as well. A Korean address goes from the largest unit to the smallest, an
English one from the smallest to the largest.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from domain.common.open_enum import OpenStrEnum
from domain.common.texts import folded
from domain.management_center.assignments import ServiceArea
from domain.management_center.gazetteer import CITIES, COUNTRY, MUNICIPALITIES, PROVINCES, Municipality

_WORD = re.compile(r"(?<!\w)\d*([가-힣][가-힣\d]*)")
"""A word of Hangul, which may be attached to a postcode."""
_LATIN_WORD = re.compile(r"(?<![\w-])[a-z]")
_SMALLER_UNIT = re.compile(r"(?!청(?:역|앞|로|길)|장(?:로|길)|릉)[가-힣\d]+?(?:동|읍|면|리|가|로|길)\d*$|\d")
"""What may follow a municipality without a space: 강남구역삼동. Not 영천시장, 남구로, 서구청역."""
_STREET = re.compile(r"(?:대|대학|역|시청)?(?:로|길)(?![가-힣])")
"""What makes a street of a province's name: 세종대로 in Seoul."""
_BEFORE_A_WORD = re.compile(rf"(?:^|\W)\d*(?:{'|'.join(COUNTRY)})?$")
"""What may stand before a word that an area matches: nothing, a postcode, the country."""
_NUMBERS = " -0123456789"
_NAMES = *PROVINCES, *MUNICIPALITIES, *CITIES
_LATIN_LENGTHS = sorted({len(name) for name in _NAMES if name.isascii()}, reverse=True)
_LONGEST_HANGUL = max(len(name) for name in _NAMES if not name.isascii())
_MOST_MENTIONS = 12
"""Places that an address names, from the largest on. More say nothing, and would cost time."""


class PlacementProblem(OpenStrEnum):
    """Why the region of an address is not known."""

    NO_SERVICE_AREA = "NO_SERVICE_AREA"
    AMBIGUOUS_ADDRESS = "AMBIGUOUS_ADDRESS"
    """It may be in several regions."""


@dataclass(frozen=True)
class Placement:
    """Where an address belongs."""

    area: ServiceArea | None = None
    """The service area, or None if no area serves the address, or it may be in several regions."""
    regions: tuple[str, ...] = ()
    """The served regions in question, if there are several."""

    @property
    def region(self) -> str | None:
        """Return the region, or None if it is not known."""
        return self.area.region if self.area is not None else None

    @property
    def problem(self) -> PlacementProblem | None:
        """Return why the region is not known."""
        if self.area is not None:
            return None
        return PlacementProblem.AMBIGUOUS_ADDRESS if self.regions else PlacementProblem.NO_SERVICE_AREA


@dataclass(frozen=True)
class Match:
    """A word of a service area in an address."""

    area: ServiceArea
    text: str
    start: int
    whole: bool
    """Whether it is a whole word, or several."""


@dataclass(frozen=True)
class _Mention:
    """A place that an address names."""

    start: int
    text: str
    municipalities: tuple[Municipality, ...] = ()
    provinces: frozenset[str] = field(default_factory=frozenset)
    """The regions of the province, if it is one."""

    @classmethod
    def of(cls, start: int, text: str) -> "_Mention":
        places = MUNICIPALITIES.get(text) or CITIES.get(text, ())
        return cls(start, text, places, PROVINCES.get(text, frozenset()))


@dataclass(frozen=True)
class _Located:
    """What the municipalities and provinces of an address say about its region."""

    mention: _Mention
    regions: frozenset[str]
    formerly_in: frozenset[str] = frozenset()


def place(address: str, areas: Sequence[ServiceArea]) -> Placement:
    """Return the service area of an address, or the regions in question.

    The longest of the areas' own words decides, unless a municipality of the address is longer, or lies in the province
    that the word names. A province in the address decides between municipalities of one name. Regions without a service
    area do not count.
    """
    text = folded(address)
    match, located = longest_match(text, areas), _locate(text)
    if located is None or (match is not None and _goes_before(match, located)):
        return Placement(match.area if match else None)
    serving = [area for area in areas if area.region in located.regions]
    served = {area.region for area in serving}
    if len(served) > 1:
        return Placement(regions=tuple(sorted(served)))
    if match is not None and (not served or match.area.region in served):
        return Placement(match.area)
    return Placement(_first(serving))


def placed_in(region: str, areas: Iterable[ServiceArea]) -> Placement:
    """Return the placement in a region, if an area serves it. Of several areas, the first by id counts."""
    return Placement(_first([area for area in areas if area.region == region]))


def _first(areas: Iterable[ServiceArea]) -> ServiceArea | None:
    return min(areas, key=lambda area: area.service_area_id, default=None)


def _goes_before(match: Match, located: _Located) -> bool:
    """Whether an area's own word decides, rather than the municipality.

    The name of a province does not if the municipality lies in it, which is more exact, nor if a word after the
    municipality only begins with it (광주은행).
    """
    if len(match.text) < len(located.mention.text):
        return False
    provinces = PROVINCES.get(match.text)
    if provinces is None:
        return True
    if provinces & (located.regions | located.formerly_in):
        return False
    return match.text.isascii() or match.start < located.mention.start or match.whole


def longest_match(text: str, areas: Iterable[ServiceArea]) -> Match | None:
    """Return the longest of the areas' own words in the address.

    A word has to begin one of the address: 대구 is not in 해운대구. In Latin letters, it has to be whole, hyphens
    included: Sejong-daero is a street of Seoul. Of two words of the same length, that of the larger unit wins.
    """
    best: tuple[int, int] | None = None
    found: Match | None = None
    for area, match in _words_in(text, areas):
        for start in _occurrences(match, text):
            rank = (len(match), start if match.isascii() else -start)
            if best is None or rank > best:
                whole = not text[start + len(match) :][:1].isalnum()
                best, found = rank, Match(area, match, start, whole)
    return found


def _words_in(text: str, areas: Iterable[ServiceArea]) -> Iterator[tuple[ServiceArea, str]]:
    for area in areas:
        for word in _folded(tuple(area.matches)):
            if word in text:
                yield area, word


@lru_cache(maxsize=1024)
def _folded(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(filter(None, map(folded, words)))


def _occurrences(match: str, text: str) -> Iterator[int]:
    start = text.find(match)
    while start >= 0:
        end = start + len(match)
        if match.isascii():
            counts = not (_in_word(text[start - 1 : start]) or _in_word(text[end : end + 1]))
        else:
            of_street = match in PROVINCES and _STREET.match(text, end)
            counts = bool(_BEFORE_A_WORD.search(text[:start])) and not of_street
        if counts:
            yield start
        start = text.find(match, start + 1)


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "-"


def _locate(text: str) -> _Located | None:
    """Return what the address's municipalities and provinces say, or None if they say nothing."""
    mentions = _from_the_largest(text)
    if not mentions:
        return None
    first = mentions[0]
    found = [
        (sum(each.backed_by(other.text, other.provinces) for other in mentions if other is not mention), mention, each)
        for mention in mentions
        for each in mention.municipalities
        # After a province, the municipalities of others are but names of streets and shops.
        if first.municipalities or first.provinces & (each.formerly_in | {each.region})
    ]
    if not found:
        # Of one region, the province itself says no more than the words of its service area.
        return _Located(first, first.provinces) if len(first.provinces) > 1 else None
    most = max(backed for backed, _, _ in found)
    best = next(mention for backed, mention, _ in found if backed == most)
    places = [each for backed, mention, each in found if backed == most and mention is best]
    formerly_in = frozenset[str]().union(*(each.formerly_in for each in places))
    return _Located(best, frozenset(each.region for each in places), formerly_in)


def _from_the_largest(text: str) -> list[_Mention]:
    """Return the places that an address names, the largest first. Hangul goes before Latin letters."""
    return [*_in_hangul(text), *reversed(list(_in_latin(text)))][:_MOST_MENTIONS]


def _in_hangul(text: str) -> Iterator[_Mention]:
    first = True
    for word in _WORD.finditer(text):
        names, rest = _names_in(word[1], first)
        start = word.start(1)
        for name in names:
            yield _Mention.of(start, name)
            start += len(name)
        first = first and not names and not rest


def _names_in(word: str, first: bool) -> tuple[list[str], str]:
    """Return the names at the beginning of a word, written one after the other, and the rest of the word.

    A name has to end where a name or a smaller unit begins. A city's name without its unit (수원) counts only at the
    beginning of an address, because many a shop and street has it.
    """
    names: list[str] = []
    rest = word
    while name := _name_at_the_beginning(rest, first and not names):
        names.append(name)
        rest = rest[len(name) :]
    while names and rest and not (names[-1] in MUNICIPALITIES and _SMALLER_UNIT.match(rest)):
        rest = names.pop() + rest
    return [name for name in names if name not in COUNTRY], rest


def _name_at_the_beginning(text: str, first: bool) -> str | None:
    for length in range(min(_LONGEST_HANGUL, len(text)), 1, -1):
        name = text[:length]
        if name in MUNICIPALITIES or name in PROVINCES or name in COUNTRY or (first and name in CITIES):
            return name
    return None


def _in_latin(text: str) -> Iterator[_Mention]:
    end = 0
    for begins in _LATIN_WORD.finditer(text):
        start = begins.start()
        if start < end:
            continue
        for length in _LATIN_LENGTHS:
            name = text[start : start + length]
            if _counts(text, start, name):
                yield _Mention.of(start, name)
                end = start + length
                break


def _counts(text: str, start: int, name: str) -> bool:
    if _in_word(text[start + len(name) :][:1]):
        return False
    return name in MUNICIPALITIES or name in PROVINCES or (name in CITIES and _stands_alone(text, start, name))


def _stands_alone(text: str, start: int, name: str) -> bool:
    """Whether nothing but numbers stands beside the name between two commas."""
    before, after = text[:start].rstrip(_NUMBERS), text[start + len(name) :].lstrip(_NUMBERS)
    return (not before or before[-1] in ",(") and (not after or after[0] in ",)")
