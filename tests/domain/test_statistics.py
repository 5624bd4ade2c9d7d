from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from domain.common.times import UNSET
from domain.order_status.statistics import HOURS, DayCounts, Progress, count
from domain.orders import Event, HistoryEntry, Order

NOON = datetime(2026, 7, 15, 12, tzinfo=UTC)


def completed_after(took: timedelta) -> DayCounts:
    """Return the counts of the day on which an order is completed."""
    order = Order(history=[HistoryEntry(Event.JOIN_ORDERED, NOON), HistoryEntry(Event.JOIN_COMPLETED, NOON + took)])
    counts, _ = count(order, Progress(1, NOON), since=UNSET, day_of=datetime.date)
    [found] = counts.values()
    return found


@pytest.mark.parametrize(
    ("hours", "bucket"),
    [(0, 1), (1, 1), (1.01, 2), (2, 2), (3, 4), (64, 64), (64.5, 128), (2048, 2048), (2049, 2048), (90_000, 2048)],
)
def test_hours_are_kept_in_the_bucket_of_the_next_power_of_two(hours: float, bucket: int) -> None:
    assert completed_after(timedelta(hours=hours)).hours == Counter({bucket: 1})


def test_there_are_twelve_buckets() -> None:
    assert HOURS == (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)


@pytest.mark.parametrize(
    ("hours", "median", "p90"),
    [
        ({}, None, None),
        ({8: 1}, 8, 8),
        ({8: 1, 64: 1}, 8, 64),
        ({64: 1, 8: 2}, 8, 64),
        ({1: 5, 2: 4, 1024: 1}, 1, 2),
        ({1: 4, 2: 4, 1024: 2}, 2, 1024),
        ({1: 899_999, 2: 1, 4: 100_000}, 1, 2),
    ],
)
def test_a_percentile_is_the_bound_below_which_so_many_orders_are(
    hours: dict[int, int], median: int | None, p90: int | None
) -> None:
    counts = DayCounts(hours=Counter(hours))

    assert (counts.hours_of(50), counts.hours_of(90)) == (median, p90)


@pytest.mark.parametrize(
    ("detail", "reason"),
    [
        ("CUSTOMER_ABSENT", "CUSTOMER_ABSENT"),
        ("OF_A_NEWER_RELEASE", "OF_A_NEWER_RELEASE"),
        ("김하늘, 010-1234-5678", "OTHER"),
        ("A" * 41, "OTHER"),
        ("", "OTHER"),
        (None, "OTHER"),
    ],
)
def test_a_text_that_is_no_reason_is_not_kept(detail: str | None, reason: str) -> None:
    failed = HistoryEntry(Event.INSTALLATION_INCOMPLETE, NOON, detail=detail)

    counts, _ = count(Order(history=[failed]), Progress(), since=UNSET, day_of=datetime.date)

    assert counts == {NOON.date(): DayCounts(incomplete_by_reason=Counter({reason: 1}))}


def test_other_events_count_nowhere_and_move_nothing() -> None:
    order = Order(history=[HistoryEntry(event, NOON) for event in (Event.CANCEL_ORDERED, "OfANewerRelease")])

    assert count(order, Progress(), since=UNSET, day_of=datetime.date) == ({}, Progress())
    assert count(Order(), Progress(), since=UNSET, day_of=datetime.date) == ({}, Progress())


def test_the_first_entry_is_the_order_which_counts_once_whatever_its_time() -> None:
    placed_again = Order(history=[HistoryEntry(Event.JOIN_ORDERED, NOON + timedelta(seconds=1))])

    assert count(placed_again, Progress(1, NOON), since=UNSET, day_of=datetime.date) == ({}, Progress(1, NOON))


def test_how_far_an_order_was_counted_never_goes_back() -> None:
    """A version from before a reset may still come, once the view has been made anew."""
    reset = Order(
        history=[
            HistoryEntry(Event.JOIN_ORDERED, NOON),
            HistoryEntry(Event.INSTALLATION_DECLINED, NOON + timedelta(hours=9)),
            HistoryEntry("OfANewerRelease", NOON + timedelta(hours=10)),
        ]
    )
    _, after_reset = count(reset, Progress(8, NOON + timedelta(hours=8)), since=UNSET, day_of=datetime.date)
    assert after_reset == Progress(8, NOON + timedelta(hours=9))

    # A clock that is behind gives a later entry an earlier time.
    behind = Order(history=[*reset.history, *[HistoryEntry(Event.INSTALLATION_UNANSWERED, NOON)] * 6])
    counts, progress = count(behind, after_reset, since=UNSET, day_of=datetime.date)
    assert counts == {NOON.date(): DayCounts(unanswered=1)}
    assert progress == Progress(9, NOON + timedelta(hours=9))
