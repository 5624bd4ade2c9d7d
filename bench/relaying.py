"""Number of activities of the relay, which copies events into the log."""

from prometheus_client.parser import text_string_to_metric_families

from domain.event_delivery.relay import APPEND_EVENTS, POSITION, PRUNE_EVENTS, READ_EVENTS, TELL_UNTOLD
from harness.http_client import connections
from harness.stack import Stack

_COUNT = "temporal_activity_execution_latency_seconds_count"
_OF_RELAY = frozenset(command.name for command in (POSITION, READ_EVENTS, APPEND_EVENTS, TELL_UNTOLD, PRUNE_EVENTS))


async def activities(running: Stack) -> float:
    """Return how many activities of the relay the worker has carried out since it started."""
    address = running.settings.worker_host, running.settings.worker_port
    async with connections(address, 1) as [connection]:
        _, answer = await connection.timed("/metrics")
    return sum(
        sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
        if sample.name == _COUNT and sample.labels.get("activity_type") in _OF_RELAY
    )
