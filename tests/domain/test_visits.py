from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.visits import BookingRules, TimeWindow, VisitGrid, instead_of, start_before

SEOUL = VisitGrid()
BERLIN = VisitGrid(zone=ZoneInfo("Europe/Berlin"))

grids = st.builds(
    VisitGrid,
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.integers(15, 24 * 60).map(lambda minutes: timedelta(minutes=minutes)),
    st.sampled_from([ZoneInfo("Asia/Seoul"), UTC, ZoneInfo("Europe/Berlin")]),
)
days = st.dates(date(2026, 1, 1), date(2027, 12, 31)) | st.sampled_from([date(2026, 3, 29), date(2026, 10, 25)])
"""The clocks of Berlin change on the two last ones."""


def utc(*at: int) -> datetime:
    return datetime(*at, tzinfo=UTC)  # type: ignore[arg-type,misc] # a few numbers


def test_the_windows_of_a_day_follow_one_another_from_nine_in_seoul_until_midnight() -> None:
    starts = [window.start for window in SEOUL.windows_of(date(2026, 7, 15))]
    assert starts == [utc(2026, 7, 15, hour) for hour in (0, 2, 4, 6, 8, 10, 12)]
    assert SEOUL.window_at(utc(2026, 7, 15, 12)) == TimeWindow(utc(2026, 7, 15, 12), utc(2026, 7, 15, 14))
    assert [SEOUL.window_at(utc(2026, 7, 15, hour)) for hour in (1, 14, 16)] == [None] * 3


def test_a_window_that_ends_at_midnight_is_the_last() -> None:
    evening = VisitGrid(time(20), timedelta(hours=2), UTC)
    assert [window.end for window in evening.windows_of(date(2026, 7, 15))] == [utc(2026, 7, 15, 22), utc(2026, 7, 16)]
    assert evening.minutes_of(TimeWindow(utc(2026, 7, 15, 22), utc(2026, 7, 16))) == (22 * 60, 24 * 60)


def test_a_span_has_the_windows_that_begin_in_it_but_not_at_its_end() -> None:
    found = SEOUL.windows(utc(2026, 7, 15, 10), utc(2026, 7, 16, 2))
    assert [window.start for window in found] == [utc(2026, 7, 15, 10), utc(2026, 7, 15, 12), utc(2026, 7, 16, 0)]
    assert list(SEOUL.windows(utc(2026, 7, 15, 10), utc(2026, 7, 15, 10))) == []


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 7, 1), 24)])
def test_a_local_day_is_as_long_as_the_clocks_make_it(day: date, hours: int) -> None:
    start, end = BERLIN.span_of(day)
    assert end - start == timedelta(hours=hours)
    assert [BERLIN.day_of(at) for at in (start, end - timedelta(seconds=1), end)] == [day, day, day + timedelta(days=1)]
    assert [BERLIN.minutes_of(window)[0] for window in BERLIN.windows_of(day)][:2] == [9 * 60, 11 * 60]


def test_a_window_during_which_the_clocks_change_is_left_out() -> None:
    night = VisitGrid(time(0), timedelta(hours=2), ZoneInfo("Europe/Berlin"))
    for day, left_out in ((date(2026, 3, 28), []), (date(2026, 3, 29), [2]), (date(2026, 10, 25), [2])):
        begins = [window.start.astimezone(night.zone).hour for window in night.windows_of(day)]
        assert begins == [hour for hour in range(0, 24, 2) if hour not in left_out]


@given(grids, days)
def test_windows_never_overlap_and_each_is_found_by_its_start(grid: VisitGrid, day: date) -> None:
    start, end = grid.span_of(day)
    windows = list(grid.windows(start, end))
    for window in windows:
        assert window.end - window.start == grid.length
        assert grid.day_of(window.start) == day
        assert grid.window_at(window.start) == window
        begins, ends = grid.minutes_of(window)
        assert 0 <= begins < ends <= 24 * 60
        last = (window.end - timedelta(minutes=1)).astimezone(grid.zone)
        assert last.hour * 60 + last.minute == ends - 1
    assert all(earlier.end <= later.start for earlier, later in pairwise(windows))


def test_a_window_is_booked_between_the_lead_and_the_horizon() -> None:
    rules = BookingRules(lead=timedelta(hours=3), horizon=timedelta(days=2))
    assert rules.bookable(utc(2026, 7, 15)) == (utc(2026, 7, 15, 3), utc(2026, 7, 17))


def test_when_a_visit_was_to_begin_is_read_as_it_was_written() -> None:
    start = datetime(2026, 12, 1, 0, 30, tzinfo=UTC)

    assert instead_of(start) == "instead of 2026-12-01 00:30:00 UTC"
    assert start_before(instead_of(start)) == start
    assert [start_before(other) for other in (None, "", "because of the weather", "instead of another time")] == [
        None
    ] * 4
