"""What a request to a consumer contains: one event, or a batch of events (JSON batch format of CloudEvents 1.0)."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from domain.event_delivery.delivery import LoggedEvent

_DIGITS = 10


@dataclass(frozen=True)
class Message:
    """What is signed and sent."""

    message_id: str
    """The same whenever the same content is sent again. Without full stops, because they separate what is signed."""
    content: str
    """The body, exactly as it is sent, in UTF-8."""
    is_batch: bool = False
    """Whether the content is a batch, also if that has only one event."""


def single(event: LoggedEvent) -> Message:
    """Return the message with an event."""
    return Message(event.event_id, event.document)


def batch(events: Sequence[LoggedEvent]) -> Message:
    """Return the message with some events, at least one, in this order.

    Its id tells the numbers of the first and the last in the log. Between these two, events may be left out, so a
    digest tells contents apart.
    """
    content = f"[{','.join(event.document for event in events)}]"
    digest = sha256(content.encode()).hexdigest()[:_DIGITS]
    return Message(f"batch-{events[0].sequence}-{events[-1].sequence}-{digest}", content, is_batch=True)
