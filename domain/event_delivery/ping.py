"""Ping (연결 확인): asks a consumer whether it receives events. A new consumer agrees by its answer."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.common.commands import Command
from domain.common.contexts import EVENT_DELIVERY
from domain.event_delivery.answers import Failure, Outcome
from domain.event_delivery.log import source_of

WORKFLOW_TYPE = "EventPingWorkflow"
"""Workflow type in Temporal."""
_FAMILY = "eventDelivery"
TYPE = f"{_FAMILY}.Ping"
"""Type of the event."""


@dataclass(frozen=True)
class Ping:
    """Ping the consumer of a subscription once."""

    subscription_id: str = ""


@dataclass
class Pinged:
    """The consumer's answer."""

    outcome: Outcome | None = None
    """`None`: the subscription does not exist any more."""
    status: int | None = None
    failure: Failure | None = None
    """Why there was no answer."""
    milliseconds: int = 0
    retry_after: float | None = None
    """Seconds for which the consumer asks to wait."""


PING = Command("ping_subscription", EVENT_DELIVERY, Ping, Pinged, "연결 확인 · Ping a consumer of events")


def workflow_id(subscription_id: str) -> str:
    """Return the id of the workflow that pings the consumer of a subscription. Pings at the same time share one."""
    return f"event-ping-{subscription_id}"


def document_of(event_id: str, subscription_id: str, at: datetime, *, origin: str) -> str:
    """Return a ping as a consumer gets it: a CloudEvent, as all events are.

    Args:
        event_id: The id of this ping.
        subscription_id: The subscription.
        at: The time.
        origin: The name of this installation, a URI.
    """
    return json.dumps(
        {
            "specversion": "1.0",
            "id": event_id,
            "source": source_of(origin, _FAMILY),
            "type": TYPE,
            "subject": subscription_id,
            "time": at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": {"eventSubscriptionId": subscription_id},
        },
        separators=(",", ":"),
    )
