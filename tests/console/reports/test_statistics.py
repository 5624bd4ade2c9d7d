"""The statistics: the plots, the tables and the file say the same, and nothing that cannot be known."""

import csv
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from sqlalchemy import insert

from domain.common import contexts
from runtime.settings import Settings
from stores.common.database import Database
from stores.order_status.tables import DAY_STATISTICS
from tests.console.browser import CUSTOMER, MANAGER, Pages, text_of
from tests.eventually import PATIENCE

DAY = date(2026, 11, 2)
SEOUL, BUSAN = "KR-11", "KR-26"
SPAN = "/statistics?from=2026-11-02&to=2026-11-08"


@pytest.fixture
async def counted(without_temporal: Settings, bare: Pages) -> AsyncIterator[Pages]:
    """The console of an API with a few days of statistics."""
    database = Database(without_temporal.database_url(contexts.ORDER_STATUS), deadline_seconds=PATIENCE)
    days = [
        row(DAY, SEOUL, ordered=7, completed=3, hours={16: 2, 64: 1}),
        row(DAY, BUSAN, ordered=2, declined=1, incomplete_by_reason={"CUSTOMER_ABSENT": 2, "OTHER": 1}),
        row(DAY + timedelta(days=2), BUSAN, completed=4, hours={32: 4}),
        row(DAY + timedelta(days=2), "", canceled=1),
    ]
    async with database.writing() as connection:
        await connection.execute(insert(DAY_STATISTICS), days)
    yield bare
    await database.dispose()


def row(day: date, region: str, **counts: object) -> dict[str, object]:
    nothing: dict[str, object] = dict.fromkeys(("ordered", "completed", "canceled", "declined", "unanswered"), 0)
    counters: dict[str, object] = {"incomplete_by_reason": Counter(), "hours": Counter()}
    given = {name: Counter(value) if isinstance(value, dict) else value for name, value in counts.items()}
    return nothing | counters | given | {"day": day, "region": region}


@pytest.mark.usefixtures("in_2026")
async def test_days_and_regions_add_up(counted: Pages) -> None:
    page = await (await counted.person(MANAGER)).get(SPAN)
    text = text_of(page)

    assert page.status_code == 200
    assert "Orders received 9" in text
    assert "Mon, Nov 2 9 3 0 1 0 3" in text
    assert "Tue, Nov 3 0 0 0 0 0 0" in text, "a day without events is a day as well"
    assert "Wed, Nov 4 0 4 1 0 0 0" in text
    assert "Seoul 7 3 0 0 0 0" in text
    assert "Busan 2 4 0 1 0 3" in text
    assert "Not known yet 0 0 1 0 0 0" in text
    assert "The customer was not there 2" in text


@pytest.mark.usefixtures("in_2026")
async def test_hours_are_told_for_one_region_alone(counted: Pages) -> None:
    person = await counted.person(MANAGER)

    assert "medians cannot be added up" in text_of(await person.get(SPAN))
    seoul = text_of(await person.get(f"{SPAN}&region={SEOUL}"))
    assert "Mon, Nov 2 7 3 0 0 0 0 ≤ 16 ≤ 64" in seoul
    assert "medians cannot be added up" not in seoul
    assert "Busan 2" not in seoul


@pytest.mark.usefixtures("in_2026")
async def test_a_long_span_is_told_by_weeks_without_hours(counted: Pages) -> None:
    path = f"/statistics?from=2026-10-01&to=2026-12-31&region={SEOUL}"
    text = text_of(await (await counted.person(MANAGER)).get(path))

    assert "Thu, Oct 1 – Sun, Oct 4" in text
    assert "Mon, Nov 2 – Sun, Nov 8 7 3 0 0 0 0" in text
    assert "Mon, Dec 28 – Thu, Dec 31" in text
    assert "≤" not in text


@pytest.mark.usefixtures("in_2026")
async def test_a_plot_says_in_words_what_it_shows(counted: Pages) -> None:
    page = await (await counted.person(MANAGER, "ko")).get(SPAN)

    assert 'role="img" aria-labelledby="orders-title orders-text"' in page.text
    assert '<desc id="orders-text">신청 접수: 최대 9건, 11월 2일 (월). 개통 완료: 최대 4건, 11월 4일 (수).' in page.text
    assert "<title>11월 2일 (월) · 신청 접수: 9</title>" in page.text


async def test_the_file_has_the_same_numbers(counted: Pages) -> None:
    person = await counted.person(MANAGER, "ko")
    file = await person.get("/statistics.csv?from=2026-11-02&to=2026-11-08")

    assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert file.headers["Content-Disposition"] == 'attachment; filename="statistics-2026-11-02-2026-11-08.csv"'
    lines = list(csv.reader(StringIO(file.content.decode("utf-8-sig"))))
    assert lines[0][:4] == ["날짜", "지역 코드", "지역", "신청 접수"]
    assert lines[1:] == [
        ["2026-11-02", SEOUL, "서울", "7", "3", "0", "0", "0", "0", "0", "0", "16", "64"],
        ["2026-11-02", BUSAN, "부산", "2", "0", "0", "1", "0", "3", "2", "1", "", ""],
        ["2026-11-04", "", "", "0", "0", "1", "0", "0", "0", "0", "0", "", ""],
        ["2026-11-04", BUSAN, "부산", "0", "4", "0", "0", "0", "0", "0", "0", "32", "32"],
    ]


async def test_a_manager_of_a_region_sees_and_chooses_it_alone(counted: Pages) -> None:
    person = await counted.person(f"manager:{SEOUL}")
    page = await person.get(SPAN)

    assert "Orders received 7" in text_of(page)
    assert "These are the numbers of the regions that are yours." in text_of(page)
    assert f'value="{BUSAN}"' not in page.text
    assert BUSAN not in (await person.get("/statistics.csv?from=2026-11-02&to=2026-11-08")).text
    asked = await person.get(f"{SPAN}&region={BUSAN}")
    assert "Orders received 2" not in text_of(asked)


async def test_without_events_there_is_a_sentence(bare: Pages) -> None:
    today = datetime.now(UTC).date()
    page = await (await bare.person(MANAGER)).get("/statistics")

    assert "Nothing happened to orders on these days." in text_of(page)
    assert '<svg class="lines"' not in page.text
    assert str(today.year) in page.text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=2026-11-31&to=2026-12-01", "Please choose a day."),
        ("from=yesterday", "Please choose a day."),
        ("from=99999-01-01", "Please choose a day."),
        ("from=2026-11-03&to=2026-11-02", "The last day is before the first."),
        ("from=2024-01-01&to=2026-11-02", "At most 366 days can be shown at once."),
    ],
)
async def test_a_span_that_cannot_be_shown_comes_back_with_the_reason(bare: Pages, query: str, said: str) -> None:
    person = await bare.person(MANAGER)
    page = await person.get(f"/statistics?{query}")

    assert page.status_code == 422
    assert said in text_of(page)
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        assert f'name="{name}" type="date" value="{value}"' in page.text, "what was entered stays"
    file = await person.get(f"/statistics.csv?{query}")
    assert file.headers["Location"] == f"/statistics?{query}"


async def test_a_region_that_nobody_knows_is_no_failure_of_the_page(bare: Pages) -> None:
    page = await (await bare.person(MANAGER)).get("/statistics?region=Seoul")

    assert page.status_code == 400
    assert "could not be understood" in text_of(page)


async def test_a_customer_gets_no_file(counted: Pages) -> None:
    answer = await (await counted.person(CUSTOMER)).get("/statistics.csv")

    assert answer.status_code == 403
    assert SEOUL not in answer.text
