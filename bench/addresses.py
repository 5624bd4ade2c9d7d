"""Placing of addresses among many service areas, compared with looking for the areas' own words alone."""

from collections.abc import Callable, Sequence
from itertools import cycle
from time import process_time

from bench.report import Aim, Measurement, percentile
from domain.common.texts import folded
from domain.management_center.addresses import longest_match, place
from domain.management_center.assignments import ServiceArea
from domain.management_center.gazetteer import MUNICIPALITIES, PROVINCES

_AREAS = 250
_ADDRESSES = 20_000
_ROUNDS = 5
_AT_MOST = 1.75
"""Maximum growth of the time, with tolerance for noise."""
_MUNICIPALITIES = list(MUNICIPALITIES)
_KOREAN = "{name} 중앙로 {number}", "06236 {name}중앙로{number}", "서울특별시 {name} 중앙로 {number}"
_LATIN = "{number} Jungang-ro, {name}, Korea", "{number} Jungang-ro, {name} 06236, Seoul"
_WORDS, _PLACE = "the areas' own words", "with municipalities"


async def measure(*, quick: bool) -> Measurement:
    """Measure both in turns, with the same addresses. Some of them name a province, and each a municipality."""
    addresses = [_address(number) for number in range(_ADDRESSES // 5 if quick else _ADDRESSES)]
    areas = _areas()
    ways: dict[str, Callable[[str], object]] = {
        _WORDS: lambda address: longest_match(folded(address), areas),
        _PLACE: lambda address: place(address, areas),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(_ROUNDS):
        for name, way in ways.items():
            took[name].append(_microseconds(way, addresses))
    found = Measurement(f"Placing of {len(addresses):,} addresses among {_AREAS} service areas")
    placed = sum(ways[_PLACE](address) != ways[_PLACE]("") for address in addresses)
    words = sum(ways[_WORDS](address) is not None for address in addresses)
    for name, known in ((_WORDS, words), (_PLACE, placed)):
        found.rows.append(
            {"what": name, "CPU µs": percentile(took[name], 0.5), "region known": f"{known / len(addresses):.0%}"}
        )
    times = percentile(took[_PLACE], 0.5) / percentile(took[_WORDS], 0.5)
    found.aims.append(Aim(f"CPU time {_PLACE}, by that of {_WORDS}", times, _AT_MOST))
    return found


def _areas() -> Sequence[ServiceArea]:
    """Return areas of every region, with three words each; those of provinces among them."""
    regions = sorted({region for those in PROVINCES.values() for region in those})
    provinces = [
        ServiceArea(region, region, matches=[name for name, those in PROVINCES.items() if those == {region}])
        for region in regions
    ]
    others = [
        ServiceArea(f"area-{number}", region, matches=[f"구역{number}", f"관할{number}", f"Area-{number}"])
        for number, region in zip(range(_AREAS - len(provinces)), cycle(regions), strict=False)
    ]
    return [*provinces, *others]


def _address(number: int) -> str:
    name = _MUNICIPALITIES[number % len(_MUNICIPALITIES)]
    forms = _LATIN if name.isascii() else _KOREAN
    return forms[number // len(_MUNICIPALITIES) % len(forms)].format(name=name, number=number)


def _microseconds(way: Callable[[str], object], addresses: Sequence[str]) -> float:
    """Return the CPU time of one address."""
    began = process_time()
    for address in addresses:
        way(address)
    return (process_time() - began) / len(addresses) * 1e6
