"""Number of writes of Temporal's server for an order. Writes to one history shard are sequential."""

import re
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from harness.stack import Stack

_WITHIN = 5.0
"""Seconds."""
_WRITES = ("CreateWorkflowExecution", "UpdateWorkflowExecution")
_SERVED_AT = re.compile(r"http://localhost:(\d+)/metrics")


def writes(running: Stack) -> float:
    """Return the number of writes of workflows since the server started."""
    [log] = running.settings.data_dir.rglob("temporal.log")
    port = _SERVED_AT.findall(log.read_text())[-1]
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=_WITHIN) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        samples = [sample for family in families for sample in family.samples]
    return sum(
        sample.value
        for sample in samples
        if sample.name == "persistence_requests_total" and sample.labels.get("operation") in _WRITES
    )
