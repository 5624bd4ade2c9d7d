"""Accounts of a drill: what was requested and acknowledged, and whether the service has kept its promises."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from math import inf
from time import monotonic
from typing import Any

import httpx2

from domain.installation import InstallationStatus
from domain.orders import Event, OrderStatus
from drills.drill import Drill
from harness.waiting import last_look

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
"""Statuses in which the order's window is free for others, even if the order still shows it."""


class Act(StrEnum):
    """Acts that the service has acknowledged."""

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
"""For each act: its events in the order's history, and the message if none is there."""


@dataclass(frozen=True)
class Seen:
    """An order as three sources show it. They are read in this order, so that a later one is not older."""

    row: Document
    order: Document
    installation: Document
    """Each document is empty if the source does not know the order."""

    @property
    def status(self) -> OrderStatus | None:
        """Status in the read model."""
        return OrderStatus(self.row["status"]) if self.row else None

    @property
    def events(self) -> Counter[str]:
        """Number of events by kind in the history of the read model."""
        return Counter(entry["event"] for entry in self.row.get("history", ()))


def broken(seen: Seen) -> Iterable[str]:
    """Yield the promises that are broken, regardless of what was requested or will happen."""
    installation = InstallationStatus(seen.installation["status"]) if seen.installation else None
    if seen.status == OrderStatus.ORDER_CANCELED and installation and installation.open:
        yield "ORDER_CANCELED while its installation lives"
    if seen.status == OrderStatus.JOIN_COMPLETED and installation not in (None, InstallationStatus.COMPLETED):
        yield "JOIN_COMPLETED while its installation is not completed"
    if any(seen.events[event] > 1 for event in _ONCE):
        yield "done twice"


def missing(acknowledged: Iterable[Act], seen: Seen) -> Iterable[str]:
    """Yield what was acknowledged and is not visible yet."""
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
    """Return the orders that share an engineer's window with another order."""
    windows: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.get("visit") and row["status"] not in _WITHOUT_WINDOW:
            windows.setdefault((row["engineerId"], row["visit"]["start"]), []).append(row["orderId"])
    return [order for orders in windows.values() if len(orders) > 1 for order in orders]


@dataclass
class Accounts:
    """Accounts that the people of a drill keep, and that are settled at its end."""

    requested: set[str] = field(default_factory=set)
    """Keys of all orders that were requested, once or repeatedly."""
    by_key: dict[str, str] = field(default_factory=dict)
    two_orders: list[str] = field(default_factory=list)
    """Keys for which the service returned a different order than before."""
    acknowledged: dict[str, set[Act]] = field(default_factory=dict)
    """Acknowledged acts by order."""

    def placed(self, key: str, order_id: str) -> None:
        """Note that an order was acknowledged, for the first time or again."""
        if self.by_key.setdefault(key, order_id) != order_id:
            self.two_orders.append(key)
        self.note(order_id, Act.PLACED)

    def note(self, order_id: str, act: Act) -> None:
        """Note that an act was acknowledged."""
        self.acknowledged.setdefault(order_id, set()).add(act)

    def count(self, act: Act) -> int:
        """Return the number of orders for which this act was acknowledged."""
        return sum(act in acts for acts in self.acknowledged.values())

    async def settle(
        self, api: httpx2.AsyncClient, drill: Drill, *, within: float = inf, patience: float = inf
    ) -> Mapping[str, Seen]:
        """Wait until every order is as promised, and add checks to the drill.

        Args:
            api: Client of the service, which has to be completely up again.
            drill: Drill that gets the checks.
            within: Timeout in seconds.
            patience: Maximum number of seconds without a change.

        Returns:
            The last observed state of each order.
        """
        found: dict[str, Seen] = {}
        faults: dict[str, list[str]] = {}
        began, unchanged = monotonic(), _Unchanged()
        turns = asyncio.Semaphore(_AT_ONCE)

        async def settle_one(order_id: str) -> None:
            while True:
                async with turns:
                    seen = await look(api, order_id)
                unchanged.looked(changed=seen != found.get(order_id))
                found[order_id] = seen
                for_good = list(broken(seen))
                faults[order_id] = for_good or list(missing(self.acknowledged[order_id], seen))
                late = monotonic() - began > within or unchanged.seconds > patience
                if for_good or late or not faults[order_id]:
                    return
                await asyncio.sleep(_BETWEEN_LOOKS)

        await asyncio.gather(*map(settle_one, self.acknowledged))
        summary = await last_look(partial(_document, api, "/orderStatuses/summary"), every=_BETWEEN_LOOKS)
        self._judge(drill, faults, found, int(summary.get("total", -1)))
        return found

    def _judge(self, drill: Drill, faults: Mapping[str, list[str]], found: Mapping[str, Seen], total: int) -> None:
        wrong = Counter(fault for each in faults.values() for fault in each)
        kept = sum(not each for each in faults.values())
        told = "".join(f"; {fault}: {count}" for fault, count in wrong.items())
        orders = len(self.acknowledged)
        drill.check(f"{kept} of {orders} acknowledged orders are accounted for{told}", 0 < orders == kept)
        twice = set(sold_twice(seen.row for seen in found.values() if seen.row))
        known = f"{total} orders are known, {len(self.requested)} were requested"
        nothing_twice = not (twice or self.two_orders) and len(self.acknowledged) <= total <= len(self.requested)
        drill.check(f"none twice: {known}; {len(twice)} share an engineer's window", nothing_twice)


@dataclass
class _Unchanged:
    """Seconds for which looks at any order have shown no change."""

    seconds: float = 0.0
    _last: float = field(default_factory=monotonic)

    def looked(self, *, changed: bool) -> None:
        """Count the time since the last look, but not that for which the machine stood still: then nothing changes."""
        now = monotonic()
        self.seconds = 0.0 if changed else self.seconds + min(now - self._last, 4 * _BETWEEN_LOOKS)
        self._last = now


async def look(api: httpx2.AsyncClient, order_id: str) -> Seen:
    """Read an order from all its sources."""
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
