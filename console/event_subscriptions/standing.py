"""How an event subscription stands, in plain words, and what a person can do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.texts import N_, Texts
from domain.event_delivery.answers import Failure, Outcome
from domain.event_delivery.subscriptions import PauseReason, SubscriptionState


@dataclass(frozen=True)
class Standing:
    """How a subscription stands. The texts are marked for translation."""

    label: str
    tone: str
    """Color of the badge. It only repeats what the text says."""
    text: str
    advice: str | None = None
    """What to do next."""


STATE: Mapping[str, str] = {
    SubscriptionState.PENDING: N_("Not agreed yet"),
    SubscriptionState.ACTIVE: N_("Being sent events"),
    SubscriptionState.PAUSED: N_("Paused"),
}
OUTCOME: Mapping[str, str] = {
    Outcome.DELIVERED: N_("Received"),
    Outcome.THROTTLED: N_("Asked us to wait"),
    Outcome.UNREACHABLE: N_("Not reached"),
    Outcome.REFUSED: N_("Refused"),
    Outcome.GONE: N_("Wants no more events"),
    Outcome.FORBIDDEN: N_("Address not allowed"),
}
OUTCOME_TONE: Mapping[str, str] = {
    Outcome.DELIVERED: "good",
    Outcome.THROTTLED: "waiting",
    Outcome.UNREACHABLE: "waiting",
}
"""Color of the badge of an outcome. All others are bad."""
FAILURE: Mapping[str, str] = {
    Failure.NAME_UNKNOWN: N_("Its name is not known."),
    Failure.NOT_CONNECTED: N_("No connection could be made."),
    Failure.TLS_FAILED: N_("Its certificate was not accepted."),
    Failure.TIMED_OUT: N_("It did not answer in time."),
    Failure.NOT_HTTP: N_("Its answer could not be read."),
    Failure.NOT_SIGNED: N_(
        "Nothing was sent, because its secret cannot be read here. Tell those who run this service."
    ),
}
_NOT_SENT: Mapping[str, str] = {
    SubscriptionState.PENDING: N_("No event is sent before the consumer has answered a ping."),
    SubscriptionState.PAUSED: N_("No event is sent before the subscription is resumed."),
}
"""What keeps events from being sent, by state."""
_FAILING = Standing(
    N_("Failing"),
    "alert",
    N_("The consumer does not take events at the moment. They wait, and are sent again and again."),
    N_("Tell those who run the consumer. Once it works again, a ping has the events sent at once."),
)
_ASKED = Standing(
    STATE[SubscriptionState.PENDING],
    "waiting",
    N_("The consumer has not agreed yet. No event is sent before it has answered a ping."),
    N_("Send a ping when the consumer is ready and knows the secret."),
)
_NOT_AGREED = Standing(
    STATE[SubscriptionState.PENDING],
    "alert",
    N_("The consumer did not agree when it was asked. It is asked again and again; no event is sent before."),
    N_("Check the address, and ask those who run the consumer. Then send a ping."),
)
_DELIVERED = Standing(STATE[SubscriptionState.ACTIVE], "good", N_("The consumer has every event up to now."))
_SENDING = Standing(STATE[SubscriptionState.ACTIVE], "moving", N_("Events are on their way to the consumer."))
_HOLDING = Standing(
    N_("Some orders held"),
    "waiting",
    N_("The consumer refuses events of some orders. These orders wait; the events of all others are sent."),
    N_("Tell those who run the consumer which events it refuses. They are listed below."),
)
_PAUSED: Mapping[str, Standing] = {
    PauseReason.BY_PERSON: Standing(
        N_("Paused by a person"),
        "ended",
        N_("Somebody has paused it. No event is sent; they are kept for a limited time."),
        N_("Resume it when the consumer is ready. It goes on where it was."),
    ),
    PauseReason.UNREACHABLE: Standing(
        N_("Paused: not reached"),
        "alert",
        N_("The consumer did not work for so long that nobody tries any more. No event is lost yet."),
        N_("Have the consumer mended, and try it by a ping. Then resume: it goes on where it was."),
    ),
    PauseReason.GONE: Standing(
        N_("Paused: wants no more"),
        "alert",
        N_("The consumer has answered that it wants no more events (410)."),
        N_("Ask those who run it. Resume if it was a mistake, or delete the subscription."),
    ),
    PauseReason.UNVERIFIED: Standing(
        N_("Paused: never agreed"),
        "alert",
        N_("The consumer has not agreed in time, so nobody asks it any more. It was sent no event."),
        N_("Check the address, and ask those who run the consumer. Then resume: it is asked again."),
    ),
    PauseReason.TARGET_FORBIDDEN: Standing(
        N_("Paused: address not allowed"),
        "alert",
        N_("The consumer's name leads to an address to which nothing may be sent."),
        N_("Enter another address, or have an operator allow this one. Then resume."),
    ),
    PauseReason.EVENTS_GONE: Standing(
        N_("Paused: events are gone"),
        "alert",
        N_("The next events are not kept any more, so the consumer has missed some."),
        N_("Resume from a position of your choice. What was missed, the consumer reads from the orders themselves."),
    ),
}


def events_are_gone(facts: Mapping[str, Any]) -> bool:
    """Return whether the next events are not kept any more: one can go on after them, and not back."""
    return facts["pause"] is not None and facts["pause"]["reason"] == PauseReason.EVENTS_GONE


def standing_of(facts: Mapping[str, Any]) -> Standing:
    """Return how a subscription of the API stands. A state of a newer release is shown as it is."""
    state, failing = facts["state"], facts["failing"] is not None
    if state == SubscriptionState.PAUSED:
        reason = facts["pause"]["reason"] if facts["pause"] else ""
        return _PAUSED.get(reason, Standing(STATE[state], "alert", N_("It is paused. No event is sent."), None))
    if state == SubscriptionState.PENDING:
        return _NOT_AGREED if failing else _ASKED
    if state != SubscriptionState.ACTIVE:
        return Standing(state, "moving", "", None)
    if failing:
        return _FAILING
    if facts["held"]["orders"]:
        return _HOLDING
    return _SENDING if facts["behind"] else _DELIVERED


def after(done: str, facts: Mapping[str, Any], texts: Texts) -> str:
    """Return what is said after an act on a subscription, and what has to happen before events are sent.

    Args:
        done: What was done, marked for translation.
        facts: The subscription as the API has it now.
        texts: The language.
    """
    waits = _NOT_SENT.get(facts["state"])
    return f"{texts(done)} {texts(waits)}" if waits else texts(done)
