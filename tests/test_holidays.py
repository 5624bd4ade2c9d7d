"""National holidays, and the setting that names the country."""

import pytest
from pydantic import ValidationError

from runtime.holidays import NationalHolidays
from runtime.settings import Settings

SUBSTITUTE = "대체 휴일"


def test_national_holidays_have_names_in_both_languages_and_their_substitutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "th")  # the library would follow it
    holidays = NationalHolidays("KR")

    found = {f"{one.date:%m-%d}": (one.name, one.local_name) for one in holidays.of(2026)}

    assert list(found) == sorted(found)
    assert found["12-25"] == ("Christmas Day", "기독탄신일")
    assert found["03-01"] == ("Independence Movement Day", "삼일절")  # a Sunday
    assert found["03-02"] == ("Alternative holiday for Independence Movement Day", f"삼일절 {SUBSTITUTE}")
    assert [found[day][1] for day in ("02-16", "02-17", "02-18")] == ["설날 전날", "설날", "설날 다음날"]
    assert {day.date.year for day in holidays.of(2026)} == {2026}


def test_several_holidays_on_one_day_are_one_with_all_their_names() -> None:
    [both] = [day for day in NationalHolidays("KR").of(2025) if (day.date.month, day.date.day) == (5, 5)]

    assert (both.name, both.local_name) == ("Buddha's Birthday; Children's Day", "부처님오신날; 어린이날")


@pytest.mark.parametrize("year", [2000, 2050, 2100])
def test_every_year_that_can_be_asked_for_is_known(year: int) -> None:
    assert len(NationalHolidays("KR").of(year)) > 10


def test_a_day_is_a_holiday_by_the_calendar_of_the_country_or_by_none(monkeypatch: pytest.MonkeyPatch) -> None:
    christmas = next(day.date for day in NationalHolidays("KR").of(2026) if day.name == "Christmas Day")
    for country, expected in (("", True), ("KR", True), ("JP", False), ("none", False)):
        monkeypatch.setenv("HOLIDAYS", country)
        settings = Settings()

        assert (christmas in settings.booking_rules.holidays) is expected
        assert (christmas in [day.date for day in settings.national_holidays.of(2026)]) is expected


@pytest.mark.parametrize("country", ["Korea", "ZZ", "kr", "XNYS", "0"])
def test_a_country_without_known_holidays_ends_the_start(monkeypatch: pytest.MonkeyPatch, country: str) -> None:
    monkeypatch.setenv("HOLIDAYS", country)

    with pytest.raises(ValidationError, match="holidays"):
        Settings()
