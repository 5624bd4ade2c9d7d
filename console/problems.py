"""Sentences for the API's problems: what happened, and what can be done about it."""

import re
from collections.abc import Mapping

from console.service import Problem
from console.texts import N_, Texts

AWAY = N_("The service did not answer. Nothing of what you entered is lost: please try again.")
TOO_LATE = N_("This is not possible any more in the current state of the order.")
_UNKNOWN = N_("This could not be done at the moment.")
SENTENCES: Mapping[str, str] = {
    "malformed-request": N_("The request could not be understood. Please go back and try again."),
    "forbidden": N_("You are not allowed to do this."),
    "not-assigned": N_("This visit is assigned to another engineer."),
    "not-found": N_("This does not exist, or it is not yours to see."),
    "too-large": N_("What you entered is too long."),
    "order-cancel-rejected": N_("It is too late to cancel: the installation has been completed."),
    "illegal-transition": TOO_LATE,
    "engineer-unavailable": N_("The engineer is not available."),
    "visit-unavailable": N_("This time has just been taken. Please choose another one."),
    "changed-meanwhile": N_("The order has changed in the meantime. Please look at it again before you decide."),
    "orders-open": N_("The customer has an open order."),
    "already-exists": N_("It already exists."),
    "too-many-open-orders": N_("You have as many open orders as one customer can have."),
    "invalid-input": N_("Some of what you entered cannot be accepted."),
    "idempotency-key-reused": N_("Your order was already received, with what you had entered before."),
    "too-many-requests": N_("That was too much at once. Please wait a moment and try again."),
    "internal-error": N_("The service failed. Please try again."),
    "temporal-unavailable": N_(
        "The service cannot confirm this at the moment. Please try again: it will not be done twice."
    ),
    "no-answer-in-time": N_("No answer came in time. Please try again: it will not be done twice."),
}
"""By slug."""
BEING_MOVED = "the order is being moved to another engineer or another time"
"""The detail of a refusal that passes within seconds."""
REASONS: Mapping[str, str] = {
    "the order is being canceled": N_("The order is being canceled."),
    BEING_MOVED: N_(
        "The order is just being moved to another engineer or another time. Please look again in a moment."
    ),
    "the order has been reassigned too often": N_("The order has been reassigned too often."),
    "the visit has been moved too often": N_("The visit has been moved as often as it can be."),
    "the order does not ask for attention": N_("The order does not need a person any more."),
    "the engineer does not exist, is not active, or has no free window": N_(
        "The engineer is not active, or has no free time any more."
    ),
    "the engineer is not active": N_("The engineer is not active."),
    "the engineer does not exist": N_("There is no such engineer any more."),
}
"""By detail: why an order cannot be changed, where the service says more than the slug does."""
_DETAILS: tuple[tuple[str, str], ...] = (
    (r"at most (?P<most>\d+) characters", N_("At most %(most)s characters are possible.")),
    (r"at least 1 character|must not be blank|Field required", N_("This is missing.")),
    (r"control characters|invisible characters", N_("This contains characters that cannot be displayed.")),
    (r"start of a visit window", N_("No visit begins at this time. Please choose one of the times shown.")),
    (r"days ahead", N_("This is too far ahead.")),
    (
        r"at least `from`, and less than",
        N_("The last day has to be at most a year after the first, and not before it."),
    ),
    (r"`until` must be after `from`", N_("The end has to be after the beginning.")),
    (r"too far in the past or the future", N_("This day is too far away.")),
    (r"must be a date", N_("Please enter a date.")),
    (r"must be a time of day", N_("Please enter a time.")),
    (r"the engineer does not exist", N_("This engineer does not work here any more.")),
    (r"at most (?P<most>\d+) items", N_("At most %(most)s lines are possible.")),
    (r"must begin with https://", N_("The address has to begin with https://.")),
    (r"leads to an address that is not public", N_("This address is not public, and no operator has allowed it.")),
    (r"has a port to which", N_("To this port, nothing is sent.")),
    (r"no user name and no password", N_("The address must contain no user name and no password.")),
    (r"must be a URL|must name a host|must have no blanks|has a host|four decimal numbers", N_("This is no address.")),
    (r"there is no such position", N_("There is no such position yet.")),
)
"""Patterns of the details of invalid members, with their sentences."""
_CHECK = N_("Please check this entry.")


def sentence(problem: Problem, texts: Texts) -> str:
    """Return what a person is told about a problem."""
    return texts(REASONS.get(problem.detail) or SENTENCES.get(problem.slug, _UNKNOWN))


def field_sentence(detail: str, texts: Texts) -> str:
    """Return what a person is told about one field."""
    for pattern, text in _DETAILS:
        if found := re.search(pattern, detail):
            return texts(text, **found.groupdict())
    return texts(_CHECK)
