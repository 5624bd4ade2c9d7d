"""Events of orders (도메인 이벤트) for other systems: each entry of an order's history is one event.

An event has facts, but no personal data: what has been sent cannot be erased. Whoever needs more asks the API.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypedDict

from domain.common.actors import SYSTEM
from domain.event_delivery.relay import OutboxEvent
from domain.orders import TRANSITIONS, Event, HistoryEntry, Order, OrderStatus
from domain.visits import TimeWindow

_NAMED = ("engineer", "service")
"""Roles that are told with their id."""
_ROLES = ("customer", "tracker", "manager", SYSTEM)
"""Roles that are told without their id."""
_IN_AN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_AN_ADDRESS = "@"
"""What the id of an engineer or a service has only if the issuer of its tokens names people by their e-mail."""


class Window(TypedDict):
    """Time window of a visit."""

    start: str
    end: str


class OrderFacts(TypedDict):
    """Facts of an event (`data`), with their public names. Times are RFC 3339 in UTC."""

    orderId: str
    position: int
    """Index in the order's history, from 0."""
    status: str
    """After the event, as are region, engineer and visit."""
    previousStatus: str | None
    """Before the event, as is `previousVisit`. `None`: this is the first event."""
    by: str
    """Role of who did it, with the id if it is an engineer or a service and the id is no e-mail address."""
    region: str | None
    productId: str
    engineerId: str | None
    visit: Window | None
    previousVisit: Window | None
    assignmentRound: int | None
    """The last assignment round that has found an engineer."""
    orderedAt: str | None
    installCompletedAt: str | None


@dataclass(frozen=True)
class News:
    """Events about an order that are to be told."""

    events: Sequence[OutboxEvent]
    last_told: str | None
    """Id of the event up to which the order's history has been told with these. `None`: nothing of it."""


def news(order: Order, stored: Order | None, last_told: str | None) -> News:
    """Return the events about an order that have not been told.

    A history grows. Only after a reset, other entries replace its last ones. Those are other events, and what they
    replace is told, too: it has happened. An event that only a newer release knows, and all after it, is left to that.

    Args:
        order: The order as it is about to be stored.
        stored: The order as it was stored before; `None`: it was not.
        last_told: The event up to which the stored order has been told. A release that tells nothing may have stored
            another history since.
    """
    before = stored.history if stored else []
    told, fork = _told(order.order_id, before, last_told), _fork(before, order.history)
    events = [*_events(stored, told)] if stored and told < len(before) else []
    if told + len(events) < len(before):
        done = min(told + len(events), fork)
    elif stored and _ended_alike(stored, order, fork):
        done = len(order.history)
    else:
        more = [*_events(order, fork)]
        events, done = events + more, fork + len(more)
    return News(events, event_id(order.order_id, done - 1, order.history[done - 1]) if done else None)


def event_id(order_id: str, position: int, entry: HistoryEntry) -> str:
    """Return the id of an event. Other systems may use it anywhere: it is short, and has no full stop.

    The position alone would not do: an order that was reset has other events at the same positions.
    """
    at = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    digest = hashlib.blake2b(f"{entry.event}|{at}".encode(), digest_size=5).hexdigest()
    if not _IN_AN_ID.fullmatch(order_id):
        order_id = hashlib.blake2b(order_id.encode(), digest_size=16).hexdigest()
    return f"{order_id}-{position}-{digest}"


def _told(order_id: str, history: Sequence[HistoryEntry], last_told: str | None) -> int:
    """Return how many entries have been told: none of a history that another release has replaced."""
    if last_told is None:
        return 0
    position = int(last_told.split("-")[-2])
    same = position < len(history) and event_id(order_id, position, history[position]) == last_told
    return position + 1 if same else 0


def _fork(before: Sequence[HistoryEntry], now: Sequence[HistoryEntry]) -> int:
    """Return how many entries two histories have in common."""
    common = 0
    for one, other in zip(before, now, strict=False):
        if (one.event, one.at) != (other.event, other.at):
            break
        common += 1
    return common


def _ended_alike(stored: Order, order: Order, fork: int) -> bool:
    """Return whether the orders differ only in the time of their end, because two reconciliations ended it at once."""
    before, now = ([entry.event for entry in each.history[fork:]] for each in (stored, order))
    return stored.status.final and stored.status == order.status and before == now


def _events(order: Order, start: int) -> Iterator[OutboxEvent]:
    """Yield the events of an order from a position on, up to one that only a newer release knows."""
    previous, previous_visit, completed_at = None, None, None
    ordered_at = next((entry.at for entry in order.history[:1] if entry.event == Event.JOIN_ORDERED), None)
    for position, entry in enumerate(order.history):
        event = Event(entry.event)
        if not event.known:
            return
        status = _after(event, previous)
        if event is Event.INSTALLATION_COMPLETED:
            completed_at = order.install_completed_at
        if position >= start and event is Event.PERSONAL_DATA_ERASED:
            yield _erased(order, position, entry, status)
        elif position >= start:
            facts = OrderFacts(
                orderId=order.order_id,
                position=position,
                status=status.value,
                previousStatus=previous.value if previous else None,
                by=_role(entry.by),
                region=entry.region,
                productId=order.product_id,
                engineerId=entry.engineer_id,
                visit=_window(entry.visit),
                previousVisit=_window(previous_visit),
                assignmentRound=entry.round,
                orderedAt=_time(ordered_at),
                installCompletedAt=_time(completed_at),
            )
            id_ = event_id(order.order_id, position, entry)
            yield OutboxEvent(id_, order.order_id, position, event.value, entry.at, facts, entry.region)
        previous, previous_visit = status, entry.visit


def _erased(order: Order, position: int, entry: HistoryEntry, status: OrderStatus) -> OutboxEvent:
    """Return the event that everybody is sent, also those who may know nothing else of the order: it says little."""
    facts = OrderFacts(
        orderId=order.order_id,
        position=position,
        status=status.value,
        previousStatus=status.value,
        by=_role(entry.by),
        region=None,
        productId=order.product_id,
        engineerId=None,
        visit=None,
        previousVisit=None,
        assignmentRound=None,
        orderedAt=None,
        installCompletedAt=None,
    )
    id_ = event_id(order.order_id, position, entry)
    return OutboxEvent(id_, order.order_id, position, entry.event, entry.at, facts)


def _after(event: Event, status: OrderStatus | None) -> OrderStatus:
    _, leads_to = TRANSITIONS.get(event, ((), None))
    return leads_to or status or OrderStatus.JOIN_ORDERED


def _role(actor: str) -> str:
    """Return who did something, without the id of a customer, of an order, or of a manager, and without an e-mail."""
    role, _, subject = actor.partition(":")
    if role in _NAMED:
        return role if _AN_ADDRESS in subject else actor
    return role if role in _ROLES else "other"


def _window(visit: TimeWindow | None) -> Window | None:
    return Window(start=_utc(visit.start), end=_utc(visit.end)) if visit else None


def _time(at: datetime | None) -> str | None:
    return _utc(at) if at else None


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
