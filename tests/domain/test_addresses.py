"""Addresses without a province are placed by their municipality, as a reader of Korean addresses would."""

import csv
import unicodedata
from collections import Counter, defaultdict
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.management_center.addresses import PlacementProblem, place
from domain.management_center.assignments import ServiceArea
from domain.management_center.gazetteer import Municipality
from stores.migrations.management_center.r0002_areas_and_engineers import AREAS

SERVED = [
    ServiceArea(region.lower(), region, name, local, names.split(", ")) for region, name, local, names, _ in AREAS
]
LOCAL = {area.region: area.local_name for area in SERVED}
LATIN = {area.region: area.name for area in SERVED}
JUNG, SEO = "KR-11 KR-26 KR-27 KR-28 KR-30 KR-31", "KR-26 KR-27 KR-28 KR-29 KR-30"
NAM, BUK = "KR-26 KR-27 KR-28 KR-29 KR-31 KR-47", "KR-26 KR-27 KR-28 KR-29 KR-31 KR-47"

LINES = files("domain.management_center").joinpath("municipalities.csv").read_text(encoding="utf-8").splitlines()
ROWS = list(csv.DictReader(line for line in LINES if not line.startswith("#")))
TODAY = ROWS[: LINES[LINES.index("region,name,latin,city,formerly_in") :].index("# Former names and units") - 1]


def placed(address: str, served: list[ServiceArea] = SERVED) -> str | None:
    """Return the region, or the regions in question."""
    found = place(address, served)
    return " ".join(found.regions) or found.region


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("강남구 테헤란로 152", "KR-11"),
        ("종로구 서린동 154-1", "KR-11"),
        ("수원시 팔달구 효원로 1", "KR-41"),
        ("성남시 분당구 판교역로 166", "KR-41"),
        ("해운대구 센텀중앙로 79", "KR-26"),
        ("Bundang-gu, Seongnam-si", "KR-41"),
        ("중구 세종대로 110", JUNG),
        # Each province, without its name.
        ("마포구 월드컵북로 396", "KR-11"),
        ("기장군 정관읍 정관로 580", "KR-26"),
        ("달성군 화원읍 비슬로 2531", "KR-27"),
        ("미추홀구 독정이로 95", "KR-28"),
        ("광산구 광산로29번길 15", "KR-29"),
        ("유성구 대학로 211", "KR-30"),
        ("울주군 청량읍 군청로 1", "KR-31"),
        ("평택시 경기대로 245", "KR-41"),
        ("춘천시 시청길 11", "KR-42"),
        ("청주시 상당구 상당로 69", "KR-43"),
        ("천안시 서북구 번영로 156", "KR-44"),
        ("전주시 완산구 노송광장로 10", "KR-45"),
        ("여수시 시청로 1", "KR-46"),
        ("포항시 남구 시청로 1", "KR-47"),
        ("창원시 의창구 중앙대로 151", "KR-48"),
        ("서귀포시 중앙로 105", "KR-49"),
        ("연기군 조치원읍 군청로 93", "KR-50"),
        ("울릉군 울릉읍 도동2길 66", "KR-47"),
        # In Latin letters.
        ("152 Teheran-ro, Gangnam-gu", "KR-11"),
        ("152 Teheran-ro, Gangnam-gu 06236", "KR-11"),
        ("Teheran-ro 152, Gangnam District", "KR-11"),
        ("HAEUNDAE-GU, Republic of Korea", "KR-26"),
        ("1 Hyowon-ro, Paldal-gu, Suwon-si", "KR-41"),
        ("1 Hyowon-ro, Suwon, South Korea", "KR-41"),
        ("Hongcheon County", "KR-42"),
        ("Gapyeong-gun, 12406", "KR-41"),
        ("Wansan gu, Jeonju City", "KR-45"),
        ("66 Dodong 2-gil, Ulleung-gun", "KR-47"),
        ("Seogwipo-si, Korea", "KR-49"),
        ("Buk-gu, Pohang-si", "KR-47"),
        ("Seoul, Jung-gu, Sejong-daero 110", "KR-11"),
        ("Jung-gu, Daejeon", "KR-30"),
        ("Goseong-gun, Gangwon State", "KR-42"),
        # Ambiguous names.
        ("중구", JUNG),
        ("110 Sejong-daero, Jung-gu", JUNG),
        ("고성군 토성면", "KR-42 KR-48"),
        ("Goseong County", "KR-42 KR-48"),
        ("강서구 화곡로 302", "KR-11 KR-26"),
        ("서구", SEO),
        ("남구 봉선로 1", NAM),
        ("북구", BUK),
        ("전남광주통합특별시 첨단로 1", "KR-29 KR-46"),
        ("대구 중구 국채보상로 670", "KR-27"),
        ("중구 국채보상로 670, 대구", "KR-27"),
        ("경남 고성군 고성읍", "KR-48"),
        ("강원 고성군", "KR-42"),
        ("포항 북구 흥해읍", "KR-47"),
        ("부천시 중구", "KR-41"),
        # Gwangju is a metropolitan city, and a city in Gyeonggi.
        ("광주시 행정타운로 50", "KR-41"),
        ("광주시 북구 용봉로 77", "KR-29"),
        ("광주 남구 봉선로 1", "KR-29"),
        ("경기도 광주시 행정타운로 50", "KR-41"),
        ("Gwangju-si, Gyeonggi-do", "KR-41"),
        ("Buk-gu, Gwangju", "KR-29"),
        ("Gwangju City", "KR-29"),
        # Renamed and merged provinces, and municipalities that have moved to another one.
        ("강원도 춘천시", "KR-42"),
        ("전라북도 익산시", "KR-45"),
        ("부산직할시 동래구", "KR-26"),
        ("전남광주통합특별시 북구 용봉로 77", "KR-29"),
        ("전남광주통합특별시 목포시", "KR-46"),
        ("Mokpo-si, Jeonnam-Gwangju", "KR-46"),
        ("경북 군위군 군위읍", "KR-27"),
        ("경상북도 군위군 군위읍", "KR-27"),
        ("경상남도 울산시 남구", "KR-31"),
        ("경기도 강화군 강화읍", "KR-28"),
        ("충청남도 연기군", "KR-50"),
        ("전라남도 광주시 동구", "KR-29"),
        # Municipalities that have been renamed, and those that exist no more.
        ("인천 남구 독정이로 95", "KR-28"),
        ("인천 제물포구", "KR-28"),
        ("인천광역시 중구 신포로", "KR-28"),
        ("영종구 하늘중앙로", "KR-28"),
        ("청원군 오창읍", "KR-43"),
        ("마산시 합포구", "KR-48"),
        ("이리시 창인동", "KR-45"),
        ("일산구 장항동", "KR-41"),
        ("화성시 동탄구", "KR-41"),
        # As people write.
        ("０６２３６ 강남구 테헤란로 １５２", "KR-11"),
        ("강남구테헤란로152", "KR-11"),
        ("수원시팔달구효원로1", "KR-41"),
        ("경기도수원시팔달구효원로1", "KR-41"),
        ("부산해운대구우동", "KR-26"),
        ("04524서울중구세종대로110", "KR-11"),
        ("강남구청담동 1", "KR-11"),
        ("(06236) 강남구 테헤란로 152", "KR-11"),
        ("대한민국 수원시 팔달구", "KR-41"),
        ("대한민국서울특별시강남구역삼동", "KR-11"),
        ("강남구 테헤란로 152, 대한민국", "KR-11"),
        ("종로구 종로1가, Seoul, Korea", "KR-11"),
        ("분당구 판교역로 166 (백현동)", "KR-41"),
        ("춘천 퇴계로 12", "KR-42"),
        ("수원 영통구 광교로 1", "KR-41"),
    ],
)
def test_an_address_is_placed_by_its_municipality(address: str, region: str) -> None:
    assert placed(address) == region
    assert placed(unicodedata.normalize("NFD", address)) == region


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("강남구 부산로 12", "KR-11"),
        ("중구 인천로 5", JUNG),
        ("남구 광주은행 3층", NAM),
        ("중구 광주은행 3층", JUNG),
        ("서울 명동 수원시 홍보관", "KR-11"),
        ("서울 을지로 영천시장", "KR-11"),
        ("서울 서대문구 통일로 189 영천시장", "KR-11"),
        ("종로구 수원갈비 2층", "KR-11"),
        ("해운대구 안동시장길 3", "KR-26"),
        ("구리시 동구릉로 217", "KR-41"),
        ("구로구 남구로역 2번 출구", "KR-11"),
        ("부산 수영구 수원시청 옆", "KR-26"),
        ("서울 은평구 제주시향우회", "KR-11"),
        ("Hotel Gyeongju, 12 Some-ro, Jongno-gu", "KR-11"),
        ("Suwon-ro 1, Jongno-gu", "KR-11"),
        ("Jongno-gu Noodles, 1 Hyowon-ro, Suwon-si", "KR-41"),
        ("1 Gwangju-daero, Suwon-si", "KR-41"),
        ("세종대로 110", None),
        ("남구로역", None),
        ("영천시장", None),
        ("서구문화센터", None),
        ("경주마 목장", None),
        ("Suwon Galbi, Teheran-ro", None),
    ],
)
def test_streets_and_buildings_named_after_a_place_do_not_mislead(address: str, region: str | None) -> None:
    assert placed(address) == region


def test_the_gazetteer_has_every_city_county_and_district_of_today() -> None:
    units = Counter(row["region"].removeprefix("KR-") for row in TODAY if not row["city"])
    districts = Counter(row["city"] for row in TODAY if row["city"])

    assert units == counted(
        "11 25, 26 16, 27 9, 28 11, 29 5, 30 5, 31 5, 41 31, 42 18, 43 11, 44 15, 45 14, 46 22, 47 22, 48 18, 49 2"
    )
    assert districts == counted(
        "수원시 4, 성남시 3, 안양시 2, 부천시 3, 안산시 2, 고양시 3, 용인시 3, 화성시 4, "
        "청주시 4, 천안시 2, 전주시 2, 포항시 2, 창원시 5"
    )


def counted(numbers: str) -> dict[str, int]:
    return {name: int(number) for name, number in map(str.split, numbers.split(", "))}


def test_each_municipality_is_placed_in_both_scripts_with_and_without_its_province() -> None:
    wrong = []
    for row in ROWS:
        region, name, latin = row["region"], row["name"], row["latin"]
        city = f"{row['city']} " if row["city"] else ""
        addresses = (
            *(f"{LOCAL[region]} {city}{name} 중앙로 1", f"06236 {LOCAL[region]}{city.strip()}{name}중앙로１"),
            *(f"1 Jungang-ro, {latin}, {LATIN[region]} 06236, Korea", f"{latin}, {LATIN[region]}"),
        )
        wrong += [(each, found) for each in addresses if (found := placed(each)) != region]
    assert wrong == []


def test_a_name_is_ambiguous_exactly_if_several_regions_have_it() -> None:
    regions = defaultdict(set)
    for row in ROWS:
        regions[row["name"]].add(row["region"])
        regions[row["latin"]].add(row["region"])
    wrong = {name: placed(name) for name, those in regions.items() if placed(name) != " ".join(sorted(those))}
    assert wrong == {}


def test_only_regions_that_are_served_count() -> None:
    some = [area for area in SERVED if area.region in ("KR-26", "KR-41")]
    assert placed("중구 세종대로 110", some) == "KR-26"
    assert placed("강남구 테헤란로 152", some) is None
    assert placed("서울 중구 세종대로 110", some) is None
    assert placed("Jung-gu, Seoul", some) is None
    assert place("고성군", some).problem is PlacementProblem.NO_SERVICE_AREA
    assert place("고성군", SERVED).problem is PlacementProblem.AMBIGUOUS_ADDRESS
    assert place("강남구", SERVED).problem is None


def test_a_word_of_an_area_goes_before_a_municipality_that_is_not_longer() -> None:
    def own(*matches: str) -> str | None:
        return placed("강남구 테헤란로 152", [*SERVED, ServiceArea("own", "KR-99", matches=list(matches))])

    assert own("강남구") == "KR-99"
    assert own("테헤란로") == "KR-99"
    assert own("강남") == "KR-11"
    assert placed("서울 강남구", [*SERVED, ServiceArea("own", "KR-99", matches=["강남구"])]) == "KR-99"
    assert placed("Gangnam-gu", [*SERVED, ServiceArea("own", "KR-99", matches=["Gangnam-gu"])]) == "KR-99"


def test_of_several_areas_of_a_region_the_one_with_the_word_is_meant() -> None:
    own = ServiceArea("own", "KR-41", "Suwon", matches=["수원시"])
    assert place("수원시 팔달구", [*SERVED, own]).area == own
    assert place("성남시 분당구", [own, *SERVED]).area == SERVED[7]
    assert SERVED[7].region == "KR-41"


def test_an_address_that_names_many_places_is_weighed_by_the_first_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    weighed = 0
    backs = Municipality.backed_by

    def counting(municipality: Municipality, text: str, provinces: frozenset[str]) -> int:
        nonlocal weighed
        weighed += 1
        return backs(municipality, text, provinces)

    monkeypatch.setattr(Municipality, "backed_by", counting)

    assert placed("중구 " * 166) == JUNG
    assert placed("Jung-gu, " * 55) == JUNG
    assert 0 < weighed < 2_000


NAMES = [row[name] for row in ROWS for name in ("name", "latin")] + [
    *LOCAL.values(),
    *LATIN.values(),
    "대한민국",
    "광주",
]


@given(st.lists(st.one_of(st.sampled_from(NAMES), st.text(max_size=5)), max_size=6), st.sampled_from(["", " ", ", "]))
def test_every_text_is_in_one_region_or_in_several_that_are_served(parts: list[str], between: str) -> None:
    found = place(between.join(parts), SERVED)
    assert found.area is None or not found.regions
    assert len(found.regions) != 1
    assert set(found.regions) <= {area.region for area in SERVED}
    assert list(found.regions) == sorted(found.regions)
