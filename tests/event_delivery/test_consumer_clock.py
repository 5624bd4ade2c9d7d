"""A consumer's clock may be behind or ahead: that is measured, and the delivery goes on."""

import pytest
from temporalio.runtime import MetricBuffer, Runtime, TelemetryConfig
from temporalio.testing import ActivityEnvironment

from activities.event_delivery.delivery_metrics import DeliveryMetrics
from domain.event_delivery.answers import Answer, Outcome


@pytest.mark.parametrize(("ahead", "measured"), [(-0.7, 0.7), (0.0, 0.0), (90.0, 90.0)])
def test_a_clock_that_is_behind_is_measured_as_one_that_is_ahead(ahead: float, measured: float) -> None:
    buffer = MetricBuffer(100)
    environment = ActivityEnvironment()
    environment.metric_meter = Runtime(telemetry=TelemetryConfig(metrics=buffer)).metric_meter

    environment.run(lambda: DeliveryMetrics().count(Answer(Outcome.DELIVERED, 5, 204, clock_skew=ahead)))

    updates = {update.metric.name: update.value for update in buffer.retrieve_updates()}
    [skew] = [value for name, value in updates.items() if "clock_skew" in name]
    assert skew == measured
