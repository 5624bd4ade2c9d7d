"""Delivery (이벤트 배달): sends the events of a subscription to its consumer.

A subscription has one workflow, which has the events sent by one activity after the other, and waits in between if the
consumer fails. What was delivered is in the database of this context, and nowhere else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.common.commands import Command
from domain.common.contexts import EVENT_DELIVERY
from domain.event_delivery.answers import Answer, Outcome
from domain.event_delivery.subscriptions import EventSubscription, PauseReason, SubscriptionState

WORKFLOW_TYPE = "EventDeliveryWorkflow"
"""Workflow type in Temporal."""
LOOK = "look"
"""Signal: something about the subscription has changed. The workflow does not wait any longer."""

FORBIDDEN_FOR = timedelta(hours=1)
"""How long a consumer's name may lead to an address that is not allowed, before its subscription is paused."""
AGREES_WITHIN = timedelta(hours=24)
"""How long a consumer may take to agree to receive events."""
MOST_REFUSED_IN_A_ROW = 5
"""So many orders refused without a success in between say that the consumer does not work."""
MOST_HELD = 100
"""Orders of one subscription that are held. Beyond that, the consumer does not work."""
_PART_OF_FAILING = 5
_SHORTEST_PAUSE = timedelta(seconds=1)
_MOST_SPREAD = 1.5


@dataclass(frozen=True)
class Delivery:
    """Send the events of a subscription."""

    subscription_id: str = ""
    wait: float = 50
    """Seconds. An activity that has nothing to send waits so long for events."""


@dataclass(frozen=True)
class Delivered:
    """How far an activity has come."""

    ended: bool = False
    """Whether there is nothing to do until a person changes something: the subscription is paused or deleted."""
    again_after: float = 0
    """Seconds to wait before the next activity."""


DELIVER = Command("deliver_events", EVENT_DELIVERY, Delivery, Delivered, "이벤트 배달 · Send events to a consumer")


@dataclass(frozen=True)
class LoggedEvent:
    """An event of the log."""

    sequence: int
    event_id: str
    order_id: str
    at: datetime
    document: str
    """The CloudEvent, as it is sent."""


def workflow_id(subscription_id: str) -> str:
    """Return the id of the one workflow that sends the events of a subscription."""
    return f"event-delivery-{subscription_id}"


@dataclass(frozen=True)
class Patience:
    """How long to go on with what fails, a consumer or the event of an order."""

    give_up_after: timedelta = timedelta(days=5)
    """After this time, a person has to decide."""
    longest_pause: timedelta = timedelta(minutes=10)
    """The longest time between two attempts, before it is spread."""

    def pause(self, since: datetime, now: datetime, spread: float) -> timedelta:
        """Return the time to the next attempt: a fifth of the time for which it has failed.

        Args:
            since: The first failure.
            now: The time.
            spread: A factor from 0.5 to 1.5, so that not everything is tried at the same moment.
        """
        return min(max((now - since) / _PART_OF_FAILING, _SHORTEST_PAUSE), self.longest_pause) * spread

    def is_due(self, retry_at: datetime, now: datetime) -> bool:
        """Return whether it is time for the next attempt. A time beyond every pause is of a clock that was ahead."""
        return not now < retry_at <= now + _MOST_SPREAD * self.longest_pause

    def is_over(self, since: datetime, now: datetime) -> bool:
        """Return whether it has failed for too long."""
        return now - since >= self.give_up_after


def note_failure(
    subscription: EventSubscription,
    answer: Answer,
    now: datetime,
    patience: Patience,
    *,
    spread: float,
) -> None:
    """Note that a consumer does not work: it is tried again later, or its subscription is paused.

    Args:
        subscription: The subscription, which is changed.
        answer: The last answer.
        now: The time.
        patience: How long to go on.
        spread: A factor from 0.5 to 1.5 for the pause.
    """
    # A time to come was noted by a clock that was ahead.
    since = subscription.failing_since = min(subscription.failing_since or now, now)
    forbidden = answer.outcome is Outcome.FORBIDDEN
    subscription.forbidden_since = min(subscription.forbidden_since or now, now) if forbidden else None
    subscription.failures += 1
    if reason := _given_up(subscription, now, over=patience.is_over(since, now)):
        pause(subscription, reason, now)
        return
    wait = max(patience.pause(since, now, spread), timedelta(seconds=answer.retry_after or 0))
    subscription.retry_at = max(now + wait, subscription.retry_at or now)


def forget_failures(subscription: EventSubscription) -> None:
    """Note that a consumer works, or that nothing is left to be sent of what has failed."""
    subscription.failing_since = subscription.forbidden_since = subscription.retry_at = None
    subscription.failures = 0


def pause(subscription: EventSubscription, reason: PauseReason, now: datetime) -> None:
    """Pause a subscription until a person resumes it."""
    subscription.state, subscription.pause_reason, subscription.paused_at = SubscriptionState.PAUSED, reason, now
    subscription.retry_at = None


def _given_up(subscription: EventSubscription, now: datetime, *, over: bool) -> PauseReason | None:
    if now - (subscription.forbidden_since or now) >= FORBIDDEN_FOR:
        return PauseReason.TARGET_FORBIDDEN
    if subscription.state is SubscriptionState.PENDING and now - (subscription.failing_since or now) >= AGREES_WITHIN:
        return PauseReason.UNVERIFIED
    return PauseReason.UNREACHABLE if over else None
