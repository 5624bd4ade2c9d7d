"""Metrics of requests to consumers. No label names a subscription, an order or a URL."""

from collections.abc import Iterable
from datetime import timedelta

from temporalio import activity

from domain.event_delivery.answers import Answer


def count(answer: Answer) -> None:
    """Count a request."""
    meter, outcome = activity.metric_meter(), {"outcome": str(answer.outcome)}
    requests = meter.create_counter("event_deliveries_total", "Requests to consumers with an event, by outcome")
    requests.add(1, outcome)
    duration = meter.create_histogram_float("event_attempt_seconds", "Duration of requests to consumers with an event")
    duration.record(answer.milliseconds / 1000, outcome)
    if answer.clock_skew is not None:
        skew = meter.create_gauge_float(
            "event_clock_skew_seconds",
            "Time by which the clock of the consumer that has answered last is away from ours",
        )
        skew.set(abs(answer.clock_skew))  # the SDK refuses a value below zero


def count_delays(delays: Iterable[timedelta]) -> None:
    """Count the time from what has happened to its delivery, of each event of a request."""
    histogram = activity.metric_meter().create_histogram_float(
        "event_delivery_delay_seconds", "Time from an event to its delivery to a consumer"
    )
    for delay in delays:
        histogram.record(max(delay.total_seconds(), 0.0))
