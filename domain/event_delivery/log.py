"""Log of events (이벤트 로그): every event of every order, for other systems, in the order in which it was appended.

An event is a CloudEvent (CloudEvents 1.0, JSON). It is written once, when it is appended, and everybody gets that text.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC

from domain.common.contexts import ORDER_STATUS
from domain.event_delivery.relay import OutboxEvent

FAMILIES = {ORDER_STATUS: "orders"}
"""By source: the family of its events, which their types begin with."""
FOR_EVERYBODY = "orders.PersonalDataErased"
"""The type of events that every filter selects: whoever has copied what the order was has to forget it."""
_DIGITS = 20


class EventsGone(Exception):
    """Events after a position are not kept any more. The next position that is left to read from is `oldest`."""

    def __init__(self, oldest: int) -> None:
        super().__init__("the next events are not kept any more")
        self.oldest = oldest


class PositionGone(EventsGone):
    """A subscription cannot begin at a position, or go on there: events after it are not kept any more."""


@dataclass(frozen=True)
class EventFilter:
    """Conditions that select events. An event has to meet all that are set, unless it is for everybody."""

    types: tuple[str, ...] = ()
    """Types, or families as in `orders.*`."""
    regions: tuple[str, ...] = ()
    """ISO 3166-2:KR codes. With any, an event without a region is not selected."""


@dataclass(frozen=True)
class EventPage:
    """The next events after a position."""

    documents: list[str] = field(default_factory=list)
    """Events as JSON text."""
    next: int = 0
    """Position up to which these are all events that the filter selects."""
    last: int = 0
    """The newest position of the log."""


def shown(sequence: int) -> str:
    """Return a position as consumers see it: a text, because CloudEvents compares sequences as texts."""
    return f"{sequence:0{_DIGITS}}"


def type_of(source: str, event: str) -> str:
    """Return the type of an event, for example `orders.JoinOrdered`."""
    return f"{FAMILIES[source]}.{event}"


def source_of(origin: str, family: str) -> str:
    """Return the source of the events of a family, for example `urn:subscription-orders:orders`."""
    return f"{origin}{'/' if '://' in origin else ':'}{family}"


def document_of(event: OutboxEvent, source: str, sequence: int, *, origin: str) -> str:
    """Return an event as everybody gets it.

    Args:
        event: The event, as its source has written it.
        source: The source.
        sequence: The number of the event in the log.
        origin: The name of this installation, a URI.
    """
    return json.dumps(
        {
            "specversion": "1.0",
            "id": event.event_id,
            "source": source_of(origin, FAMILIES[source]),
            "type": type_of(source, event.event),
            "subject": event.subject,
            "time": event.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "partitionkey": event.subject,
            "sequence": shown(sequence),
            "data": event.data,
        },
        ensure_ascii=False,
        separators=(",", ":"),
        allow_nan=False,
    )
