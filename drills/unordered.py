"""Worker that sends the events of an order without waiting for one another: `python -m drills.unordered`.

This is the fault that `consumer-lies` plants.
"""

from collections.abc import Sequence
from dataclasses import replace

import worker
from activities.event_delivery import delivery_run
from activities.event_delivery.lanes import Lanes
from domain.event_delivery.delivery import LoggedEvent
from runtime.temporal_client import run_and_end


class UnorderedLanes(Lanes):
    """Takes each event for one of an order of its own."""

    def add(self, events: Sequence[LoggedEvent], reached: int) -> None:
        """Add the next events of the log."""
        super().add([replace(event, order_id=f"{event.order_id}/{event.sequence}") for event in events], reached)


if __name__ == "__main__":
    for name in ("Lanes",):
        setattr(delivery_run, name, UnorderedLanes)
    run_and_end(worker.main)
