"""Drill: all engineers of a region decline and leave. Then one is hired, and orders continue in order of arrival.

The new engineer has time for only a few orders. The others continue to wait, no later order overtakes them, and a
window that a cancel releases goes to the order that has waited longest.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from drills.drill import Drill, Options
from drills.people import People
from harness import stack, staff
from harness.asking import document, send
from harness.waiting import last_look, soon
from runtime.settings import Settings
from stores.management_center import waiting_list as waiting

_ORDERS = 8
_REGION, _ADDRESS = "KR-49", "제주특별자치도 제주시"
_KOREA = timedelta(hours=9)
_DAY = timedelta(days=1)
_DAYS = 4
"""Days on which the new engineer works, with one visit on each."""
_HIRED_AFTER = 30 * _DAY
"""From today to the first day of the new engineer."""
_WITHIN = 60.0
_BETWEEN_LOOKS = 0.05
FAULTS = {"forgotten": "the management center forgets who has waited longest"}


@dataclass
class Seen:
    """Observations about the orders, which are in order of arrival."""

    orders: list[str] = field(default_factory=list)
    visits: dict[str, str] = field(default_factory=dict)
    """Start of each order's visit, after the engineer was hired."""
    assigned: dict[str, str] = field(default_factory=dict)
    """Time of each order's assignment to the new engineer."""
    newcomer: str = ""
    canceled: str = ""
    heir: str | None = None
    """Order that got the window of the canceled one."""


async def run(options: Options) -> Drill:
    """Start the service, and play the scenario."""
    async with (
        stack.running("temporal", "migration", "worker", "api", engineers=options.engineers) as running,
        httpx2.AsyncClient(base_url=running.url, timeout=10) as api,
    ):

        async def plant(order_id: str) -> None:
            if options.plant:
                await _forget(running.settings, order_id)

        return judged(await _play(_People(api), plant))


def judged(seen: Seen) -> Drill:
    """Check the observations."""
    drill = Drill("All engineers of a region decline, then one is hired")
    placed = [order for order in seen.orders if order in seen.visits]
    for number, order in enumerate([*seen.orders, seen.newcomer], start=1):
        what = "arrives after the hiring" if order == seen.newcomer else "declined by all"
        drill.rows.append(
            {
                "order": number,
                "before": what,
                "visit (UTC)": seen.visits.get(order),
                "assigned (UTC)": seen.assigned.get(order, "")[11:23] or None,
                "then": _then(seen, order),
            }
        )
    drill.check("some orders got a visit, and some had to wait on", 0 < len(placed) < len(seen.orders))
    drill.check("those that arrived first went on", placed == seen.orders[: len(placed)])
    times = [seen.assigned[order] for order in placed]
    drill.check("in their order of arrival", times == sorted(times))
    drill.check("each window was sold once", len(set(seen.visits.values())) == len(seen.visits))
    drill.check("the order that arrived last has not overtaken them", seen.newcomer not in seen.visits)
    next_in_line = seen.orders[len(placed)] if len(placed) < len(seen.orders) else None
    drill.check("the window that a cancel freed went to the one that had waited longest", seen.heir == next_in_line)
    return drill


def _then(seen: Seen, order: str) -> str:
    if order == seen.canceled:
        return "canceled"
    return "gets the freed window" if order == seen.heir else ""


@dataclass
class _People:
    """Customers, engineers and managers, over HTTP."""

    api: httpx2.AsyncClient

    async def order(self) -> str:
        """Place an order."""
        body = {"productId": "2001", "productName": "internet", "installationAddress": _ADDRESS, "customerId": "1"}
        return str((await send(self.api, "POST", "/orders", body))["orderId"])

    async def cancel(self, order_id: str) -> None:
        """Cancel as the customer."""
        await send(self.api, "POST", f"/orders/{order_id}/cancel", {})

    async def decline(self, order_id: str) -> None:
        """Decline as each requested engineer, until nobody is left to ask."""
        while (order := await self.until(order_id, _requested_or_waiting))["status"] != "AWAITING_ENGINEER":
            body = {"engineerId": order["engineerId"], "reason": "no time"}
            await send(self.api, "POST", f"/installations/{order_id}/decline", body)

    async def leave(self) -> None:
        """Deactivate the engineers of the region."""
        engineers = await document(self.api, "/managementCenters/engineers", region=_REGION)
        for engineer in engineers["items"]:
            path = f"/managementCenters/engineers/{engineer['engineerId']}"
            await send(self.api, "PATCH", path, {"active": False})

    async def hire(self) -> None:
        """Create an engineer who has time for one visit on each of a few days.

        The days are later than any visit that the orders were promised, because a window before it is of no use to
        an order, and would go to one behind it.
        """
        name = {"name": "New Engineer", "region": _REGION, "active": False}
        hours = {"workingHours": {"from": "09:00", "until": "11:00"}}
        engineer = await send(self.api, "POST", "/managementCenters/engineers", name | hours)
        engineer_id = engineer["engineerId"]
        today = (datetime.now(UTC) + _KOREA).date()
        first = today + _HIRED_AFTER
        last = first + (_DAYS - 1) * _DAY
        for start, end in ((today, first - _DAY), (last + _DAY, today + 300 * _DAY)):
            away = {"engineerId": engineer_id, "from": f"{start}", "to": f"{end}"}
            await send(self.api, "POST", "/managementCenters/daysOff", away)
        # Also on weekends and holidays, on whatever day the drill runs.
        there = {"engineerId": engineer_id, "from": f"{first}", "to": f"{last}"}
        await send(self.api, "POST", "/managementCenters/extraShifts", there)
        await send(self.api, "PATCH", f"/managementCenters/engineers/{engineer_id}", {"active": True})

    async def row(self, order_id: str) -> dict[str, Any]:
        """Return the order from the managers' view, or nothing if it is not there."""
        return await People(self.api).row(order_id)

    async def until(self, order_id: str, so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the managers' view meets a condition, and return the order."""
        row: dict[str, Any] = {}

        async def look() -> bool:
            nonlocal row
            row = await self.row(order_id)
            return so(row)

        await soon(look, within=_WITHIN, every=_BETWEEN_LOOKS)
        return row


def _requested_or_waiting(row: dict[str, Any]) -> bool:
    return row.get("status") in ("INSTALLATION_REQUESTED", "AWAITING_ENGINEER")


async def _play(people: _People, plant: Callable[[str], Awaitable[None]]) -> Seen:
    seen = Seen()
    for _ in range(_ORDERS):
        seen.orders.append(await people.order())
    await asyncio.gather(*map(people.decline, seen.orders))
    await plant(seen.orders[0])
    await people.leave()
    await people.hire()
    still_waiting = list(seen.orders)

    async def all_sold() -> bool:
        for order in list(still_waiting):
            row = await people.row(order)
            if row.get("status") == "INSTALLATION_REQUESTED":
                seen.visits[order] = row["visit"]["start"]
                accepted = [entry["at"] for entry in row["history"] if entry["event"] == "OrderAccepted"]
                seen.assigned[order] = accepted[-1]
                still_waiting.remove(order)
        return len(seen.visits) >= _DAYS

    await last_look(all_sold, within=_WITHIN, every=_BETWEEN_LOOKS)
    seen.newcomer = await people.order()
    row = await people.until(seen.newcomer, _requested_or_waiting)
    # A window that was sold twice shows by now.
    await all_sold()
    if row["status"] == "INSTALLATION_REQUESTED":
        seen.visits[seen.newcomer] = row["visit"]["start"]
    if seen.visits and still_waiting:
        # The latest window, because no waiting order was promised a later one.
        seen.canceled = max(seen.visits, key=seen.visits.__getitem__)
        await people.cancel(seen.canceled)
        candidates = [*still_waiting, seen.newcomer]

        async def inherited() -> bool:
            rows = [await people.row(order) for order in candidates]
            seen.heir = next((order for order, row in zip(candidates, rows, strict=True) if row.get("visit")), None)
            return seen.heir is not None

        await soon(inherited, within=_WITHIN, every=_BETWEEN_LOOKS)
    return seen


async def _forget(settings: Settings, order_id: str) -> None:
    async with staff.opened(settings) as database, database.writing() as connection:
        await waiting.leave(connection, order_id)
