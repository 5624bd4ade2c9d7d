import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.management_center.addresses import Placement, place
from domain.management_center.assignments import ServiceArea
from stores.migrations.management_center.r0002_areas_and_engineers import AREAS

SEEDED = [ServiceArea(region, region, name, local, matches.split(", ")) for region, name, local, matches, _ in AREAS]


def region_of(address: str) -> str | None:
    return place(address, SEEDED).region


def test_the_17_regions_of_korea_are_served_by_three_engineers_each() -> None:
    numbers = (11, 26, 27, 28, 29, 30, 31, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50)
    assert [area.region for area in SEEDED] == [f"KR-{number}" for number in numbers]
    names = [name for *_, engineers in AREAS for name in engineers.split(", ")]
    assert len(names) == len(set(names)) == 3 * 17


@pytest.mark.parametrize("area", SEEDED, ids=lambda area: area.region)
def test_a_region_is_found_by_each_of_its_names(area: ServiceArea) -> None:
    for name in (area.name, area.local_name, *area.matches):
        for address in (name, name.upper(), f"  {name} 1", f"12 Some-ro, {name}", f"({name})"):
            assert region_of(address) == area.region


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("서울특별시 강남구 테헤란로 1", "KR-11"),
        ("서울시 종로구 세종대로 175", "KR-11"),
        ("서울 중구 세종대로 110", "KR-11"),
        ("대한민국 서울특별시 광진구 능동로 209", "KR-11"),
        ("(04524) 서울 중구 세종대로 110", "KR-11"),
        ("서울 송파구 올림픽로 25 경기장", "KR-11"),
        ("12 Teheran-ro, Gangnam-gu, Seoul", "KR-11"),
        ("110 Sejong-daero, Jung-gu, Seoul 04524, Republic of Korea", "KR-11"),
        ("Incheon-ro 5, Seoul", "KR-11"),
        ("SEOUL", "KR-11"),
        ("Ｓｅｏｕｌ", "KR-11"),
        ("부산 해운대구", "KR-26"),
        ("부산해운대구 우동", "KR-26"),
        ("Haeundae-gu, Busan", "KR-26"),
        ("Seoul-daero 1, Busan", "KR-26"),
        ("대구 북구 대학로 80", "KR-27"),
        ("인천광역시 남동구 정각로 29", "KR-28"),
        ("광주 북구 용봉로 77", "KR-29"),
        ("광주광역시 서구 내방로 111", "KR-29"),
        ("111 Naebang-ro, Seo-gu, Gwangju", "KR-29"),
        ("경기도 광주시 행정타운로 50", "KR-41"),
        ("경기 광주시 행정타운로 50", "KR-41"),
        ("50 Haengjeongtaun-ro, Gwangju-si, Gyeonggi-do", "KR-41"),
        ("Gwangju City, Gyeonggi", "KR-41"),
        ("강원도 원주시 시청로 1", "KR-42"),
        ("강원특별자치도 춘천시", "KR-42"),
        ("충청북도 청주시 상당구", "KR-43"),
        ("충북 청주시", "KR-43"),
        ("Cheongju-si, Chungcheongbuk-do", "KR-43"),
        ("Cheongju, North Chungcheong Province", "KR-43"),
        ("Asan-si, South  Chungcheong", "KR-44"),
        ("전라북도 전주시", "KR-45"),
        ("전북특별자치도 전주시", "KR-45"),
        ("전남 광양시", "KR-46"),
        ("경북 경산시 대구대로 201", "KR-47"),
        ("Daegu University, Gyeongsan-si, Gyeongsangbuk-do", "KR-47"),
        ("경남 양산시 물금읍 부산대학로 49", "KR-48"),
        ("제주특별자치도 제주시", "KR-49"),
        ("Jeju-si, Jeju-do", "KR-49"),
        ("세종특별자치시 한누리대로 2130", "KR-50"),
        ("2130 Hannuri-daero, Sejong", "KR-50"),
    ],
)
def test_an_address_is_placed_as_its_reader_would(address: str, region: str) -> None:
    assert region_of(address) == region
    assert region_of(unicodedata.normalize("NFD", address)) == region


@pytest.mark.parametrize(
    "address", ["", " ", "Seoulville", "New-Seoul-ro 1", "해운대", "테헤란로 1", "Tokyo", "평양", "Republic of Korea"]
)
def test_an_address_of_nowhere_is_nobodys(address: str) -> None:
    assert place(address, SEEDED) == Placement()


def test_an_area_without_a_name_that_matches_serves_nobody() -> None:
    assert place("Seoul", [ServiceArea("a", "KR-11", matches=["", " "])]) == Placement()
    assert place("Seoul", []) == Placement()


@given(st.text())
def test_no_text_is_too_strange_to_be_looked_at(address: str) -> None:
    region_of(address)
