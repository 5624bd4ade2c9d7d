"""The books of a drill: what was asked of the service, what it has acknowledged, and whether it has kept its word."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from time import monotonic
from typing import Any

import httpx2

from domain.installation import InstallationStatus
from domain.orders import Event, OrderStatus
from drills.drill import Drill

Document = dict[str, Any]

_AT_ONCE = 16
_BETWEEN_LOOKS = 0.25
_ONCE = (Event.JOIN_ORDERED, Event.INSTALLATION_COMPLETED, Event.JOIN_COMPLETED, Event.ORDER_CANCELED)
_NOT_MOVED = (OrderStatus.JOIN_ORDERED, OrderStatus.ENGINEER_ASSIGNED)
_INSTALLED = (OrderStatus.INSTALLATION_REQUESTED, OrderStatus.INSTALLATION_ACCEPTED, OrderStatus.JOIN_COMPLETED)
_WITHOUT_WINDOW = (
    OrderStatus.JOIN_COMPLETED,
    OrderStatus.CANCEL_ORDERED,
    OrderStatus.ORDER_CANCELED,
    OrderStatus.AWAITING_ENGINEER,
)
"""Where a window is still shown, it is free for others."""


class Act(StrEnum):
    """What the service has said yes to, for good."""

    PLACED = "placed"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    COMPLETED = "completed"
    CANCEL_RECORDED = "cancel recorded"
    CANCELED = "canceled"
    STARTED = "started"
    FAILED = "failed"
    RESCHEDULED = "rescheduled"
    ASSIGNED = "assigned by hand"
    ACKNOWLEDGED = "acknowledged"


_RECORDED: Mapping[Act, tuple[tuple[Event, ...], str]] = {
    Act.ACCEPTED: ((Event.INSTALLATION_ACCEPTED,), "an acceptance is lost"),
    Act.DECLINED: ((Event.INSTALLATION_DECLINED,), "a refusal is lost"),
    Act.STARTED: ((Event.INSTALLATION_STARTED,), "a start is lost"),
    Act.FAILED: ((Event.INSTALLATION_INCOMPLETE,), "a failed visit is lost"),
    Act.RESCHEDULED: ((Event.VISIT_RESCHEDULED,), "another visit is lost"),
    Act.ASSIGNED: ((Event.ORDER_ACCEPTED, Event.ENGINEER_REASSIGNED), "an assignment is lost"),
    Act.ACKNOWLEDGED: ((Event.ATTENTION_ACKNOWLEDGED,), "an acknowledgement is lost"),
}
"""What an act leaves in the order's history, and what is said where it is missing."""


@dataclass(frozen=True)
class Seen:
    """An order as its three witnesses have it: read in this order, so that a later one cannot be older."""

    row: Document
    order: Document
    installation: Document
    """Each with nothing in it where it is not known."""

    @property
    def status(self) -> OrderStatus | None:
        """Of the read model."""
        return OrderStatus(self.row["status"]) if self.row else None

    @property
    def events(self) -> Counter[str]:
        """Of the read model's history."""
        return Counter(entry["event"] for entry in self.row.get("history", ()))


def broken(seen: Seen) -> Iterable[str]:
    """The promises that this breaks, whatever was asked for and whatever comes."""
    installation = InstallationStatus(seen.installation["status"]) if seen.installation else None
    if seen.status == OrderStatus.ORDER_CANCELED and installation and installation.open:
        yield "ORDER_CANCELED while its installation lives"
    if seen.status == OrderStatus.JOIN_COMPLETED and installation not in (None, InstallationStatus.COMPLETED):
        yield "JOIN_COMPLETED while its installation is not completed"
    if any(seen.events[event] > 1 for event in _ONCE):
        yield "done twice"


def missing(acknowledged: Iterable[Act], seen: Seen) -> Iterable[str]:
    """What was acknowledged and cannot be seen yet."""
    acts = set(acknowledged)
    if not (seen.row and seen.order):
        yield "lost"
        return
    if seen.order["stale"] or seen.order["status"] != seen.status:
        yield "the managers' view is behind"
    for act, (events, loss) in _RECORDED.items():
        if act in acts and not any(seen.events[event] for event in events):
            yield loss
    if Act.COMPLETED in acts and seen.status != OrderStatus.JOIN_COMPLETED:
        yield "a completion is lost"
    if Act.CANCELED in acts and seen.status != OrderStatus.ORDER_CANCELED:
        yield "a cancel is lost"
    if Act.CANCEL_RECORDED in acts and not (seen.status and seen.status.final):
        yield "a recorded cancel is not done"
    if seen.status in _NOT_MOVED:
        yield "not moved on"
    if seen.status in _INSTALLED and not seen.installation:
        yield "its installation is lost"


def sold_twice(rows: Iterable[Document]) -> Iterable[str]:
    """The orders that have an engineer's window which another has, too."""
    windows: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.get("visit") and row["status"] not in _WITHOUT_WINDOW:
            windows.setdefault((row["engineerId"], row["visit"]["start"]), []).append(row["orderId"])
    return [order for orders in windows.values() if len(orders) > 1 for order in orders]


@dataclass
class Accounts:
    """Kept by the people of a drill while it lasts, and settled at its end."""

    asked: set[str] = field(default_factory=set)
    """The key of each order that was asked for, once or insistently."""
    by_key: dict[str, str] = field(default_factory=dict)
    two_orders: list[str] = field(default_factory=list)
    """Keys that were answered with another order than before."""
    acknowledged: dict[str, set[Act]] = field(default_factory=dict)
    """By order."""

    def placed(self, key: str, order_id: str) -> None:
        """An order was acknowledged, for the first time or again."""
        if self.by_key.setdefault(key, order_id) != order_id:
            self.two_orders.append(key)
        self.note(order_id, Act.PLACED)

    def note(self, order_id: str, act: Act) -> None:
        """Something was acknowledged."""
        self.acknowledged.setdefault(order_id, set()).add(act)

    def count(self, act: Act) -> int:
        """The orders of which this was acknowledged."""
        return sum(act in acts for acts in self.acknowledged.values())

    async def settle(
        self, api: httpx2.AsyncClient, drill: Drill, *, within: float = inf, patience: float = inf
    ) -> Mapping[str, Seen]:
        """Look until every order is where it was promised to be, and put into the drill what is not.

        Args:
            api: Of the service, all of which is up again.
            drill: Gets the checks.
            within: Seconds for what was put off to be done.
            patience: So many seconds may pass in which nothing changes any more.

        Returns:
            The orders as they were seen last.
        """
        found: dict[str, Seen] = {}
        faults: dict[str, list[str]] = {}
        began = changed = monotonic()
        turns = asyncio.Semaphore(_AT_ONCE)

        async def settle_one(order_id: str) -> None:
            nonlocal changed
            while True:
                async with turns:
                    seen = await look(api, order_id)
                if seen != found.get(order_id):
                    found[order_id], changed = seen, monotonic()
                for_good = list(broken(seen))
                faults[order_id] = for_good or list(missing(self.acknowledged[order_id], seen))
                late = monotonic() - began > within or monotonic() - changed > patience
                if for_good or late or not faults[order_id]:
                    return
                await asyncio.sleep(_BETWEEN_LOOKS)

        await asyncio.gather(*map(settle_one, self.acknowledged))
        summary = await _document(api, "/orderStatuses/summary")
        self._judge(drill, faults, found, int(summary.get("total", -1)))
        return found

    def _judge(self, drill: Drill, faults: Mapping[str, list[str]], found: Mapping[str, Seen], total: int) -> None:
        wrong = Counter(fault for each in faults.values() for fault in each)
        kept = sum(not each for each in faults.values())
        told = "".join(f"; {fault}: {count}" for fault, count in wrong.items())
        orders = len(self.acknowledged)
        drill.check(f"{kept} of {orders} acknowledged orders are accounted for{told}", 0 < orders == kept)
        twice = set(sold_twice(seen.row for seen in found.values() if seen.row))
        known = f"{total} orders are known, {len(self.asked)} were asked for"
        nothing_twice = not (twice or self.two_orders) and len(self.acknowledged) <= total <= len(self.asked)
        drill.check(f"none twice: {known}; {len(twice)} share an engineer's window", nothing_twice)


async def look(api: httpx2.AsyncClient, order_id: str) -> Seen:
    """Ask all who know of an order."""
    row = await _document(api, f"/orderStatuses/{order_id}")
    order = await _document(api, f"/orders/{order_id}")
    return Seen(row, order, await _document(api, f"/installations/{order_id}"))


async def _document(api: httpx2.AsyncClient, path: str) -> Document:
    try:
        answer = await api.get(path)
    except httpx2.TransportError:
        return {}
    document: Document = answer.json() if answer.status_code == httpx2.codes.OK else {}
    return document
