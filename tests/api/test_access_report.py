"""The report of a month of the access log."""

import os
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.audit import AccessEntry
from domain.common import contexts
from ops import access_report
from runtime.settings import Settings
from stores.audit.access_log import AccessLogStore
from stores.common.database import Database
from tests.api.service import NOWHERE
from tests.eventually import PATIENCE

SEOUL = ZoneInfo("Asia/Seoul")


def read(name: str, at: datetime, actor: str, people: int, **more: Any) -> AccessEntry:
    return AccessEntry(name, at, actor, "192.0.2.1", "GET /orderStatuses", people=people, **more)


@pytest.fixture
async def url(without_temporal: Settings) -> str:
    """The URL of a log with an entry in the last second of November in Seoul, and one in the first of December."""
    url = without_temporal.database_url(contexts.AUDIT)
    database = Database(url, deadline_seconds=PATIENCE)
    await AccessLogStore(database).add(
        [
            read("e1", datetime(2026, 11, 30, 14, 59, 59, tzinfo=UTC), "manager:kim", 1200, filters=("q",)),
            read("e2", datetime(2026, 11, 2, tzinfo=UTC), "engineer:e1", 1, persons=("p",)),
            read("e3", datetime(2026, 11, 3, tzinfo=UTC), "engineer:e1", 1, persons=("p",)),
            read("e4", datetime(2026, 11, 30, 15, tzinfo=UTC), "manager:lee", 7),
        ]
    )
    await database.dispose()
    return url


async def test_it_tells_who_has_read_of_how_many_people_and_the_largest_reads(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await access_report.report(url, "2026-11", SEOUL) == 0

    said = capsys.readouterr().out.splitlines()
    assert [line.split() for line in said[2:4]] == [["1,200", "1", "manager:kim"], ["1", "2", "engineer:e1"]]
    assert said[7].endswith("2026-11-30 23:59:59  manager:kim, 192.0.2.1, GET /orderStatuses (q)")
    assert len(said) == 7 + 3
    assert "lee" not in "".join(said)


async def test_a_month_without_reads_and_a_store_that_is_away(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert await access_report.report(url, "2025-02", SEOUL) == 0
    assert "Nobody" in capsys.readouterr().out
    assert await access_report.report(NOWHERE, "2026-11", SEOUL) == os.EX_TEMPFAIL


def test_a_month_ends_where_the_next_one_begins() -> None:
    assert access_report.span_of("2026-12", SEOUL)[1] == datetime(2026, 12, 31, 15, tzinfo=UTC)
    with pytest.raises(ValueError, match="month"):
        access_report.span_of("2026-13", SEOUL)
