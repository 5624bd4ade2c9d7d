"""Invariants that hold for an order at every moment."""

from itertools import pairwise

from domain.orders import TRANSITIONS, AttentionReason, Event, Order, OrderStatus

_WITH_ENGINEER = (
    OrderStatus.ENGINEER_ASSIGNED,
    OrderStatus.INSTALLATION_REQUESTED,
    OrderStatus.INSTALLATION_ACCEPTED,
    OrderStatus.JOIN_COMPLETED,
)
_WITHOUT_VISIT = (OrderStatus.JOIN_ORDERED, OrderStatus.AWAITING_ENGINEER, OrderStatus.AWAITING_RESCHEDULE)


def broken_by(order: Order) -> list[str]:
    """Return the invariants that a single state of an order breaks."""
    wrong = illegal_steps(order)
    if order.status in _WITH_ENGINEER and not (order.engineer_id and order.engineer_name and order.region):
        wrong.append(f"{order.status} without an engineer")
    if (order.status in _WITH_ENGINEER and order.visit is None) or (order.status in _WITHOUT_VISIT and order.visit):
        wrong.append(f"{order.status} with the visit {order.visit}")
    if (order.install_completed_at is None) == (order.status is OrderStatus.JOIN_COMPLETED):
        wrong.append(f"{order.status} with installCompletedAt {order.install_completed_at}")
    if order.attention is not None and order.attention.reason not in set(AttentionReason):
        wrong.append(f"attention for {order.attention.reason!r}")
    if any(later.at < earlier.at for earlier, later in pairwise(order.history)):
        wrong.append("history goes back in time")
    return wrong


def illegal_steps(order: Order) -> list[str]:
    """Return the errors of a history that breaks the transitions, or does not lead to the status."""
    names = [entry.event for entry in order.history]
    if names[:1] != [Event.JOIN_ORDERED] or names.count(Event.JOIN_ORDERED) != 1:
        return [f"history begins {names[:2]}"]
    wrong, status = [], OrderStatus.JOIN_ORDERED
    for name in names[1:]:
        allowed, then = TRANSITIONS[Event(name)]
        if status not in allowed:
            wrong.append(f"{name} in {status}")
        status = then or status
    if status != order.status:
        wrong.append(f"history leads to {status}, the order reads {order.status}")
    if names.count(Event.ORDER_CANCEL_REJECTED) > 1 or names.count(Event.CANCEL_ORDERED) > 1:
        wrong.append("a cancel is in the history twice")
    return wrong


def two_readings(one: Order, other: Order) -> list[str]:
    """Return the contradictions between two reads of an order."""
    if one.version == other.version and one != other:
        return [f"version {one.version} reads in two ways: {one} and {other}"]
    return []


def broken_between(earlier: Order, later: Order) -> list[str]:
    """Return the invariants that reading `later` after `earlier` breaks."""
    wrong = []
    if later.version < earlier.version:
        wrong.append(f"version falls from {earlier.version} to {later.version}")
    wrong += two_readings(earlier, later)
    if later.history[: len(earlier.history)] != earlier.history:
        wrong.append("history is rewritten")
    return wrong
