"""Relay (이벤트 전달): copies events from the outbox of another context, their source, to the log of events.

An outbox numbers its events in the order of its commits. The relay reads those after a number, appends them to the log,
and keeps the number up to which it has read. A source has the name of its context.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from domain.common.commands import Command
from domain.common.contexts import EVENT_DELIVERY, ORDER_STATUS
from domain.common.times import UNSET


@dataclass
class OutboxEvent:
    """One event as its source has written it. It contains no personal data."""

    event_id: str = ""
    """Unique forever, and always of the same event. The source may write an event more than once."""
    subject: str = ""
    """Id of what it happened to: an order."""
    position: int = 0
    """Index among the events of the subject, from 0."""
    event: str = ""
    """What happened, in the past tense, for example `JoinOrdered`."""
    at: datetime = UNSET
    """When it happened."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Facts for consumers: a JSON object whose members have their public names. One is the `position`."""
    region: str | None = None
    """ISO 3166-2:KR code of the region in which it happened, by which consumers select. `None`: in no region yet."""


@dataclass(frozen=True)
class ReadEvents:
    """Read the events of an outbox after a number. Wait for some if there are none."""

    after: int = 0
    limit: int = 500
    wait: float = 20
    """Seconds. The longest wait for a first event."""
    gather: float = 0.9
    """Seconds from when the read was asked for, in which events are gathered. Later ones are answered at once."""
    last_event: str = ""
    """Id of the event that had the number `after` when it was read. Empty: not known."""


def gathering(due: datetime, now: datetime) -> float:
    """Return for how many seconds a read gathers, so that reads end at least 0.9 s apart (`ReadEvents.gather`).

    A read and an append after it are two activities: some 2.2 a second. The time that an answer takes to arrive is part
    of the 0.9 s.

    Args:
        due: When the read before was to end, if there were events.
        now: When the next one is asked for.
    """
    return min(max((due - now).total_seconds() + ReadEvents.gather, 0.0), ReadEvents.gather)


@dataclass
class EventsRead:
    """Events of an outbox, in the order of its commits."""

    events: list[OutboxEvent] = field(default_factory=list)
    up_to: int = 0
    """Number up to which every event is among these. The next read begins after it."""
    last: int = 0
    """The highest number that the outbox has given."""
    lacking: bool = False
    """Whether events may be missing that had been copied and are not kept any more. They have to be written again."""


@dataclass
class AppendEvents:
    """Append events of a source to the log, and move on its position, if nobody has done so since."""

    source: str = ""
    after: int = 0
    """Position of the source from which the events were read. At any other, nothing is appended."""
    events: list[OutboxEvent] = field(default_factory=list)
    up_to: int = 0
    """The new position of the source."""


@dataclass(frozen=True)
class TellUntold:
    """Write the events into the outbox that are missing there: a page of what was stored since a time."""

    since: datetime = UNSET
    after: str | None = None
    """Cursor; `None` at the beginning."""
    again: bool = False
    """Whether every event since then is written again, because the log may have lost it. It ignores what it has."""


@dataclass(frozen=True)
class Told:
    """How many events were missing in a page."""

    told: int = 0
    next: str | None = None
    """Cursor of the next page, or `None`."""


READ_EVENTS = Command("read_events", ORDER_STATUS, ReadEvents, EventsRead, "이벤트 읽기 · Read new events")
TELL_UNTOLD = Command(
    "tell_untold", ORDER_STATUS, TellUntold, Told, "이벤트 보충 · Write the events that are missing in the outbox"
)
POSITION = Command("event_position", EVENT_DELIVERY, str, int, "이벤트 위치 · Find how far a source has been read")
"""Input: the source. Returns the number after which to read."""
APPEND_EVENTS = Command("append_events", EVENT_DELIVERY, AppendEvents, int, "이벤트 기록 · Append events to the log")
"""Returns the position of the source, whoever has moved it. Events that the log has are left out."""
PRUNE_EVENTS = Command("prune_events", EVENT_DELIVERY, str, int, "보존 기한 · Forget events that are kept no longer")
"""Input: an empty text, because the log forgets events of all sources. (A release before names one. It means nothing.)
Returns how many events were deleted, and has to be repeated until that is 0."""

TOLD_AGAIN_FOR = timedelta(days=30)
"""What has happened in this time is written again for a log that was set back."""

WORKFLOW_TYPE = "EventRelayWorkflow"
"""Workflow type in Temporal."""


def workflow_id(source: str) -> str:
    """Return the id of the one workflow that copies the events of a source."""
    return f"event-relay-{source}"


@dataclass(frozen=True)
class Relay:
    """The events of one source are copied, forever."""

    source: str = ""
    swept_at: datetime = UNSET
    """When the newest search for missing events began. Unset: there was none; the first one looks at everything."""
    sweep: TellUntold | None = None
    """Next page of the search that is under way."""
    sweep_from: datetime = UNSET
    """When the search goes on, after it has failed."""
    pruning: bool = False
    """Whether old events of the log are being deleted."""
    sweep_every: float = 60 * 60
    """Seconds between the beginnings of two searches."""
    wait: float = 20
    """Seconds for which one read waits for an event."""
    last_number: int = 0
    last_event: str = ""
    """The last event that was copied: its number, and its id. Empty: not known."""
    ask_every: float = 5 * 60
    """Seconds without an event after which the log is asked for the position again."""
