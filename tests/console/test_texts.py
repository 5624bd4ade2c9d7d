"""Both languages are whole, and dates, times and numbers are written as each of them writes them."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from console.texts import KOREAN, Texts, catalog_files, preferred_language
from tests.console.messages import messages

SEOUL = ZoneInfo("Asia/Seoul")
WINDOW = {"start": "2026-12-01T00:00:00Z", "end": "2026-12-01T02:00:00Z"}


def translated() -> list[Message]:
    found = []
    for file in catalog_files(KOREAN):
        with file.open("rb") as opened:
            found += [message for message in read_po(opened, locale=KOREAN) if message.id]
    return found


def _parts(value: Any) -> list[str]:
    """Return the texts of a message: several if it has a number."""
    return [value] if isinstance(value, str) else list(value)


def named(text: str) -> Counter[str]:
    return Counter(re.findall(r"%\(\w+\)s", text))


def test_every_text_has_korean_and_no_korean_is_left_over() -> None:
    wanted = {message for _, message in messages()}
    having = Counter(tuple(message.id) if message.pluralizable else message.id for message in translated())

    assert wanted - having.keys() == set()
    assert having.keys() - wanted == set()
    assert [text for text, count in having.items() if count > 1] == []


def test_korean_has_the_places_of_the_english_text() -> None:
    for message in translated():
        ids, texts = _parts(message.id), _parts(message.string)
        assert not message.fuzzy
        for text in texts:
            assert text
            assert named(text) == named(ids[-1]), message.id


@pytest.mark.parametrize(
    ("language", "window", "date"),
    [("ko", "12월 1일 (화) 09:00–11:00", "2026년 12월 1일"), ("en", "Tue, Dec 1 09:00–11:00", "December 1, 2026")],
)
def test_a_window_is_written_in_the_time_zone_of_the_visits(
    in_2026: None, language: str, window: str, date: str
) -> None:
    texts = Texts(language, SEOUL)

    assert texts.window(WINDOW) == window
    assert texts.date(WINDOW["start"]) == date
    assert texts.date("2026-12-01") == date


@pytest.mark.parametrize(
    ("language", "moment"), [("ko", "2027년 12월 1일 (수) 09:00"), ("en", "Wed, Dec 1, 2027 09:00")]
)
def test_a_day_of_another_year_has_its_year(in_2026: None, language: str, moment: str) -> None:
    assert Texts(language, SEOUL).moment("2027-12-01T00:00:00Z") == moment


@pytest.mark.parametrize(("language", "said"), [("ko", "3분 전"), ("en", "3 minutes ago")])
def test_how_long_ago_something_was_is_told(language: str, said: str) -> None:
    assert Texts(language, SEOUL).ago(datetime.now(UTC) - timedelta(minutes=3)) == said


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("01012345678", "010-1234-5678"),
        ("010 1234-5678", "010-1234-5678"),
        ("0212345678", "02-1234-5678"),
        ("021234567", "02-123-4567"),
        ("031-123-4567", "031-123-4567"),
        ("+82 10 1234 5678", "+82 10 1234 5678"),
        ("call me", "call me"),
    ],
)
def test_a_korean_telephone_number_is_grouped_and_another_stays(given: str, shown: str) -> None:
    assert Texts("ko", SEOUL).phone(given) == shown


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "ko"),
        ("ko-KR,ko;q=0.9,en-US;q=0.8", "ko"),
        ("en-US,en;q=0.9,ko;q=0.8", "en"),
        ("en;q=0.1, ko;q=0.9", "ko"),
        ("de-DE,de;q=0.9", "en"),
        ("de,ko;q=0.5", "ko"),
        ("ko;q=nonsense,en", "en"),
    ],
)
def test_the_browser_decides_the_language(header: str, language: str) -> None:
    assert preferred_language(header) == language
