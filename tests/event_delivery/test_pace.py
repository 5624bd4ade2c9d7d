"""How fast requests follow each other."""

from datetime import UTC, datetime

import pytest

from activities.event_delivery.pace import Pace
from domain.event_delivery.subscriptions import EventSubscription

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


class Clock:
    """A monotonic clock that a test sets."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_a_consumer_that_has_failed_is_sent_one_request_at_first_and_then_twice_as_many() -> None:
    pace = Pace(EventSubscription(at_once=6, failing_since=NOON))
    seen = []
    for _ in range(35):
        seen.append(pace.at_once)
        pace.succeed()
    assert seen == [1] * 10 + [2] * 10 + [4] * 10 + [6] * 5
    assert Pace(EventSubscription(at_once=6)).at_once == 6


def test_a_consumer_that_has_failed_is_sent_small_batches_at_first_one_at_a_time() -> None:
    pace = Pace(EventSubscription(at_once=6, batch=10, failing_since=NOON))
    seen = []
    for _ in range(20):
        seen.append((pace.at_once, pace.batch))
        pace.succeed()
    assert seen == [(1, 1), (1, 2), (1, 4), (1, 8)] + [(1, 10)] * 16
    assert Pace(EventSubscription(at_once=6, batch=10)).batch == 10


@pytest.mark.parametrize(("per_minute", "allowed_rate", "number"), [(60, None, 60), (None, 120, 120), (600, 30, 30)])
def test_no_more_requests_begin_in_a_minute_than_are_allowed(
    per_minute: int | None, allowed_rate: int | None, number: int
) -> None:
    clock = Clock()
    pace = Pace(EventSubscription(per_minute=per_minute, allowed_rate=allowed_rate), clock=clock)
    clock.time += 3600  # an hour without events saves nothing up
    begun = 0
    for _ in range(60 * 8):
        while not pace.wait:
            pace.begin()
            begun += 1
        assert 0 < pace.wait <= 60 / number
        clock.time += 0.125
    assert number <= begun <= number + 1


def test_without_a_limit_nobody_waits() -> None:
    pace = Pace(EventSubscription())
    for _ in range(1000):
        pace.begin()
        assert not pace.wait


def test_a_new_run_goes_on_at_the_pace_of_the_one_before() -> None:
    clock, subscription = Clock(), EventSubscription(per_minute=6)

    def waits(idle: float) -> float:
        return Pace(subscription, idle=idle, clock=clock).wait

    assert [waits(idle) for idle in (0, 4, 10, 3600)] == [10, 6, 0, 0]
    assert not Pace(EventSubscription(), idle=0, clock=clock).wait
