"""An order in the customer's words: how far it is, what happens next, who comes when, and what can be done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.roles import Role
from console.texts import N_, Texts
from domain.orders import AttentionReason, Event, OrderStatus
from domain.visits import start_before

STEPS = (
    N_("Order received"),
    N_("Engineer assigned"),
    N_("Visit confirmed"),
    N_("Installation"),
    N_("Connected"),
)
_CURRENT: Mapping[str, int] = {
    OrderStatus.JOIN_ORDERED: 1,
    OrderStatus.AWAITING_ENGINEER: 1,
    OrderStatus.ENGINEER_ASSIGNED: 2,
    OrderStatus.INSTALLATION_REQUESTED: 2,
    OrderStatus.AWAITING_RESCHEDULE: 2,
    OrderStatus.INSTALLATION_ACCEPTED: 3,
    OrderStatus.JOIN_COMPLETED: len(STEPS),
}
"""By status: the step that is under way."""
_VISITED = frozenset(
    {
        OrderStatus.ENGINEER_ASSIGNED,
        OrderStatus.INSTALLATION_REQUESTED,
        OrderStatus.INSTALLATION_ACCEPTED,
        OrderStatus.AWAITING_RESCHEDULE,
    }
)
"""Statuses in which the visit can be moved."""
ENDING = frozenset({OrderStatus.JOIN_COMPLETED, OrderStatus.CANCEL_ORDERED, OrderStatus.ORDER_CANCELED})
_COMES = N_("%(engineer)s comes on %(window)s. Please have somebody at home.")
_ASKED = N_("%(engineer)s is asked to come on %(window)s. As soon as the visit is confirmed, you see it here.")
_NEXT: Mapping[str, str] = {
    OrderStatus.JOIN_ORDERED: N_("We are looking for an engineer near you. You will see here who comes, and when."),
    OrderStatus.AWAITING_ENGINEER: N_("No engineer could be assigned yet. Our staff are looking after it."),
    OrderStatus.ENGINEER_ASSIGNED: _ASKED,
    OrderStatus.INSTALLATION_REQUESTED: _ASKED,
    OrderStatus.INSTALLATION_ACCEPTED: _COMES,
    OrderStatus.AWAITING_RESCHEDULE: N_("Please choose a new time for the visit."),
    OrderStatus.JOIN_COMPLETED: N_("Everything is installed. Thank you for choosing us."),
    OrderStatus.CANCEL_ORDERED: N_("We have your cancellation and are carrying it out."),
    OrderStatus.ORDER_CANCELED: N_("The order is canceled, and nobody will come."),
}
_UNKNOWN = N_("Your order is being worked on.")
_STARTED = N_("%(engineer)s has begun the installation.")
_REASONS: Mapping[str, str] = {
    AttentionReason.NO_CAPACITY: N_("All engineers near you are booked. We book the next time that becomes free."),
    AttentionReason.NO_SERVICE_AREA: N_("We do not serve this address yet. Our staff will call you."),
    AttentionReason.AMBIGUOUS_ADDRESS: N_("We are making sure where your address is, and call you if needed."),
    AttentionReason.VISIT_LOST: N_("The engineer cannot come at the agreed time. Please choose a new one."),
    AttentionReason.VISIT_FAILED: N_("The installation could not be finished. Please choose a new time."),
}
"""What is said instead while a person has to look at the order for this reason."""
_UNSAID = frozenset({Event.INSTALLATION_COMPLETED, Event.INSTALLATION_CANCELED, Event.ORDER_ACCEPTED})
"""Events of which the customer is told by the one that comes with them."""


@dataclass(frozen=True)
class Step:
    """One of the steps."""

    name: str
    state: str
    """`done`, `current` or `ahead`."""


@dataclass(frozen=True)
class Told:
    """One event of the order's story."""

    text: str
    at: str
    by: str | None
    """Whose doing it was, or None where it is nobody's."""
    detail: str | None


@dataclass(frozen=True)
class Progress:
    """How far an order is."""

    steps: Sequence[Step]
    """Empty for an order that is being canceled, or is in a status that this release does not know."""
    next: str
    can_move: bool
    can_cancel: bool
    at_work: bool
    """Whether the engineer has begun, and is not done."""
    alert: bool
    """Whether the customer has to do something."""
    instead: str | None
    """That another time than the wished one was booked, if it was."""


def progress(order: Mapping[str, Any], texts: Texts) -> Progress:
    """Return how far an order is."""
    status = order["status"]
    current, at_work = _CURRENT.get(status), _is_at_work(order)
    return Progress(
        steps=[Step(texts(name), _state(at, current)) for at, name in enumerate(STEPS)] if current is not None else [],
        next=_sentence(order, texts),
        can_move=status in _VISITED and not at_work,
        can_cancel=status not in ENDING,
        at_work=at_work,
        alert=status == OrderStatus.AWAITING_RESCHEDULE,
        instead=_booked_instead(order, texts) if status in _VISITED else None,
    )


def story(
    order: Mapping[str, Any],
    texts: Texts,
    labels: Mapping[str, str],
    actors: Mapping[str, str],
    reader: str = Role.CUSTOMER,
) -> list[Told]:
    """Return what has happened, the newest first.

    Args:
        order: The order.
        texts: The language.
        labels: Texts of the events.
        actors: Texts of the roles.
        reader: Role of whoever reads it.
    """
    told = []
    for entry in reversed(order["history"]):
        event, (role, _, _) = entry["event"], entry["by"].partition(":")
        if event in _UNSAID:
            continue
        own = role == reader
        told.append(
            Told(
                texts(labels[event]) if event in labels else event,
                entry["at"],
                texts(N_("you")) if own else texts(actors[role]) if role in actors and role != "system" else None,
                _detail(entry, texts, own=own),
            )
        )
    return told


def _state(at: int, current: int) -> str:
    return "done" if at < current else "current" if at == current else "ahead"


def _sentence(order: Mapping[str, Any], texts: Texts) -> str:
    status, visit, attention = order["status"], order["visit"], order["attention"]
    if attention and attention["reason"] in _REASONS and status not in ENDING:
        return texts(_REASONS[attention["reason"]])
    values = {
        "engineer": order["engineerName"] or texts(N_("An engineer")),
        "window": texts.window(visit) if visit else texts(N_("a day that is still open")),
    }
    if _is_at_work(order):
        return texts(_STARTED, **values)
    return texts(_NEXT.get(status, _UNKNOWN), **values)


def _detail(entry: Mapping[str, Any], texts: Texts, *, own: bool) -> str | None:
    before = _time_before(entry)
    if before:
        return texts(N_("It was to be on %(moment)s."), moment=texts.moment(before))
    return f"“{entry['detail']}”" if own and entry["event"] == Event.CANCEL_ORDERED and entry["detail"] else None


def _booked_instead(order: Mapping[str, Any], texts: Texts) -> str | None:
    """Return that the time that was wished or agreed on was not free, if nobody but the system moved the visit."""
    moves = [entry for entry in order["history"] if entry["event"] == Event.VISIT_RESCHEDULED]
    before = _time_before(moves[-1]) if moves and moves[-1]["by"] == "system" else None
    if not before or not order["visit"]:
        return None
    text = N_("%(wished)s was not free any more. We booked %(window)s instead.")
    return texts(text, wished=texts.moment(before), window=texts.window(order["visit"]))


def _time_before(entry: Mapping[str, Any]) -> datetime | None:
    """Return the time that the visit had before it was moved, or None if the event does not say it."""
    return start_before(entry["detail"]) if entry["event"] == Event.VISIT_RESCHEDULED else None


def _is_at_work(order: Mapping[str, Any]) -> bool:
    """Return whether the engineer is at work: no other visit was agreed on since."""
    if order["status"] != OrderStatus.INSTALLATION_ACCEPTED:
        return False
    for entry in reversed(order["history"]):
        if entry["event"] == Event.INSTALLATION_STARTED:
            return True
        if entry["event"] == Event.INSTALLATION_ACCEPTED:
            return False
    return False
