"""Metrics of requests to consumers. No label names a subscription, an order or a URL."""

from collections.abc import Iterable
from datetime import timedelta

from temporalio import activity

from domain.event_delivery.answers import Answer


class DeliveryMetrics:
    """Metrics of one activity. They are made once for all of its requests, because that takes longer than to count."""

    def __init__(self) -> None:
        meter = activity.metric_meter()
        self._requests = meter.create_counter(
            "event_deliveries_total", "Requests to consumers with an event, by outcome"
        )
        self._duration = meter.create_histogram_float(
            "event_attempt_seconds", "Duration of requests to consumers with an event"
        )
        self._skew = meter.create_gauge_float(
            "event_clock_skew_seconds",
            "Time by which the clock of the consumer that has answered last is away from ours",
        )
        self._delay = meter.create_histogram_float(
            "event_delivery_delay_seconds", "Time from an event to its delivery to a consumer"
        )

    def count(self, answer: Answer) -> None:
        """Count a request."""
        outcome = {"outcome": str(answer.outcome)}
        self._requests.add(1, outcome)
        self._duration.record(answer.milliseconds / 1000, outcome)
        if answer.clock_skew is not None:
            self._skew.set(abs(answer.clock_skew))  # the SDK refuses a value below zero

    def count_delays(self, delays: Iterable[timedelta]) -> None:
        """Count the time from what has happened to its delivery, of each event of a request."""
        for delay in delays:
            self._delay.record(max(delay.total_seconds(), 0.0))
