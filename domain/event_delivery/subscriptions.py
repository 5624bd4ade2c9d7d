"""Subscriptions (이벤트 구독): who is sent which events, how far they have come, and what stands in the way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from domain.common.open_enum import OpenStrEnum
from domain.common.times import UNSET
from domain.event_delivery.answers import Failure, Outcome
from domain.event_delivery.log import FOR_EVERYBODY

ALL_OF = ".*"
"""The end of a family: all types with this beginning."""
MOST_SECRETS = 2
"""Secrets of one subscription that count at the same time: an old one, and the one that replaces it."""
MOST_IN_BATCH = 100
"""The largest number of events in one request."""


class TooManySubscriptions(Exception):
    """There are as many subscriptions as allowed, in all or of one owner."""


class AnotherEventHeld(Exception):
    """Another event than the one that was named holds the order."""


class SubscriptionKind(OpenStrEnum):
    """The way in which events reach a subscriber."""

    WEBHOOK = "webhook"


class SubscriptionState(OpenStrEnum):
    """State of a subscription."""

    PENDING = "PENDING"
    """The consumer has not yet agreed to receive events."""
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


class PauseReason(OpenStrEnum):
    """Reason why a subscription is paused."""

    BY_PERSON = "BY_PERSON"
    UNREACHABLE = "UNREACHABLE"
    """The consumer could not be reached for too long."""
    GONE = "GONE"
    """The consumer has answered that it wants no more events."""
    UNVERIFIED = "UNVERIFIED"
    """The consumer has not agreed in time."""
    TARGET_FORBIDDEN = "TARGET_FORBIDDEN"
    """The consumer's name leads to an address to which nothing may be sent."""
    EVENTS_GONE = "EVENTS_GONE"
    """The next events are not kept any more."""


class Edge(Enum):
    """An end of the log of events."""

    BEGINNING = auto()
    END = auto()


Start = Edge | datetime | int
"""Where a subscription begins: at an end of the log; with the first event that was appended at a time or later (at the
end, if there is none yet); or after the event with a number."""


@dataclass(frozen=True)
class SubscriptionRequest:
    """What a subscriber wants."""

    name: str = ""
    url: str = ""
    owner: str = ""
    kind: SubscriptionKind = SubscriptionKind.WEBHOOK
    types: Sequence[str] | None = None
    regions: Sequence[str] | None = None
    at_once: int = 4
    batch: int = 1
    per_minute: int | None = None


@dataclass
class EventSubscription:
    """One subscription, and how far its consumer has come."""

    subscription_id: str = ""
    name: str = ""
    kind: SubscriptionKind = SubscriptionKind.WEBHOOK
    url: str = ""
    types: list[str] | None = None
    """Types of events, or families of types. `None`: all, also those of later releases."""
    regions: list[str] | None = None
    """Regions of the orders. `None`: all, and orders without a region."""
    at_once: int = 4
    """The largest number of requests at once, if they are no batches."""
    batch: int = 1
    """The largest number of events in one request. 1: each event is a request of its own, and no batch."""
    per_minute: int | None = None
    """The largest number of requests in a minute. `None`: no limit."""
    owner: str = ""
    """Who made it: role and subject."""
    state: SubscriptionState = SubscriptionState.PENDING
    pause_reason: PauseReason | None = None
    paused_at: datetime | None = None
    created_at: datetime = UNSET
    changed_at: datetime = UNSET
    agreed_at: datetime | None = None
    """When the consumer agreed to receive events at the present URL."""
    delivered: int = 0
    """Position in the log: every event up to it that matches is delivered, or belongs to an order that is held."""
    ahead: list[int] | None = None
    """Numbers of events after this position that are delivered: those of other orders may take longer."""
    batches_after: int | None = None
    """Position up to which events are sent one by one, because the consumer has refused them as a batch."""
    run: int = 0
    """Rises with everything that a running delivery has to notice. A delivery of an earlier run stops."""
    failing_since: datetime | None = None
    forbidden_since: datetime | None = None
    """Since when every attempt failed because nothing may be sent to the address."""
    failures: int = 0
    """Attempts that failed since then."""
    retry_at: datetime | None = None
    last_outcome: Outcome | None = None
    last_status: int | None = None
    last_delivered_at: datetime | None = None
    allowed_rate: int | None = None
    """Requests a minute that the consumer allows. `None`: any number."""

    @property
    def requests_at_once(self) -> int:
        """The largest number of requests at once. Batches are many events already, and sent one at a time."""
        return self.at_once if self.batch == 1 else 1

    def selects(self, type_: str, region: str | None) -> bool:
        """Return whether events of a type, about orders of a region, are sent."""
        if type_ == FOR_EVERYBODY:
            return True
        if self.regions is not None and region not in self.regions:
            return False
        return self.types is None or any(_covers(each, type_) for each in self.types)


@dataclass(frozen=True)
class SecretPeriod:
    """When a secret counts. The secret itself is shown only once."""

    created_at: datetime
    expires_at: datetime | None = None
    """`None`: until it is replaced."""


@dataclass(frozen=True)
class HeldOrder:
    """An order whose next event the consumer has refused. Later events of the order wait for it."""

    order_id: str
    event_id: str
    since: datetime
    attempts: int = 0
    retry_at: datetime | None = None
    """`None`: the order is parked. It waits for a person."""
    sequence: int = 0
    """Number of the event in the log."""
    status: int | None = None
    """HTTP status of the last refusal. `None`: the event was not sent yet, or it is not known."""
    type: str | None = None
    """Type of the event. `None`: it is not kept any more, or was not looked up."""


@dataclass(frozen=True)
class SubscriptionView:
    """A subscription with what surrounds it."""

    subscription: EventSubscription
    last: int
    """The last number of the log."""
    secrets: Sequence[SecretPeriod] = ()
    held: int = 0
    """Number of orders that are held, including those that are parked."""
    parked: int = 0
    oldest_held: HeldOrder | None = None

    @property
    def behind(self) -> int:
        """Numbers of the log that are not looked at yet. Not every number is an event, or matches."""
        return max(self.last - self.subscription.delivered, 0)


@dataclass(frozen=True)
class Attempt:
    """An event in a request to a consumer."""

    attempt_id: str = ""
    subscription_id: str = ""
    event_id: str = ""
    at: datetime = UNSET
    outcome: Outcome = Outcome.UNREACHABLE
    milliseconds: int = 0
    number: int = 1
    """1 for the first attempt to send this event."""
    sequence: int | None = None
    """Number of the event in the log. `None`: the event is a ping."""
    status: int | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class AttemptFilter:
    """Which attempts are listed."""

    outcome: Outcome | None = None
    event_id: str | None = None


@dataclass(frozen=True)
class SubscriptionFilter:
    """Which subscriptions are listed."""

    state: SubscriptionState | None = None
    owner: str | None = None
    within: frozenset[str] | None = None
    """Only those of orders of these regions alone. `None`: no limit."""

    def shows(self, subscription: EventSubscription) -> bool:
        """Return whether a subscription is listed."""
        if self.state not in (None, subscription.state) or self.owner not in (None, subscription.owner):
            return False
        return self.within is None or is_within(subscription, self.within)


def is_within(subscription: EventSubscription, regions: frozenset[str]) -> bool:
    """Return whether a subscription is about orders of these regions alone."""
    return subscription.regions is not None and regions.issuperset(subscription.regions)


def _covers(pattern: str, type_: str) -> bool:
    if pattern.endswith(ALL_OF):
        return type_.startswith(pattern.removesuffix("*"))
    return pattern == type_
