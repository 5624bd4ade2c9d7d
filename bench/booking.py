"""Assignments and closes of one region, one at a time and 40 at once, and of all regions: how far a region goes."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import cycle
from time import perf_counter
from uuid import uuid4

from bench import one_store
from bench.report import Measurement, Row, milliseconds
from domain.common import contexts
from domain.management_center.assignments import AssignEngineer, CloseAssignment
from domain.visits import BookingRules
from harness import staff
from stores.management_center.assignments import ManagementCenterStore

_AT_ONCE = 40
_ENGINEERS = 100
"""In each region."""
_AREAS = 200
"""More than there are."""


async def measure(*, quick: bool) -> Measurement:
    """Measure how many orders are assigned and closed in a second."""
    orders, regions = (40, 3) if quick else (600, 8)
    found = Measurement(
        f"Assignments and closes by one process on {one_store.KIND}: {_ENGINEERS} engineers in a region"
    )
    async with one_store.opened(contexts.MANAGEMENT_CENTER) as database:
        store = ManagementCenterStore(database, BookingRules())
        areas = (await store.service_areas(limit=_AREAS)).items[:regions]
        for area in areas:
            await staff.hire(database, area.region, _ENGINEERS)
        addresses = [f"{area.local_name} 1" for area in areas]
        for some, at_once in ((addresses[:1], 1), (addresses[:1], _AT_ONCE), (addresses, _AT_ONCE)):
            found.rows.append(await _rate(store, some, at_once, orders))
    return found


async def _rate(store: ManagementCenterStore, addresses: Sequence[str], at_once: int, orders: int) -> Row:
    left, took = iter(range(orders)), list[float]()
    addressed = cycle(addresses)

    async def customer() -> None:
        for _ in left:
            took.extend(await _times(store, next(addressed)))

    began = perf_counter()
    await asyncio.gather(*(customer() for _ in range(at_once)))
    rate = orders / (perf_counter() - began)
    return {"regions": len(addresses), "at once": at_once, "orders/s": rate, **milliseconds(took)}


async def _times(store: ManagementCenterStore, address: str) -> Iterator[float]:
    """Assign and close an order. Returns how many seconds each took."""
    order_id, began = uuid4().hex, perf_counter()
    request = AssignEngineer(order_id, installation_address=address, product_id="2001", ordered_at=datetime.now(UTC))
    if (await store.assign_engineer(request)).assignment is None:
        raise RuntimeError(f"nobody is free at {address}")
    assigned = perf_counter()
    await store.close_assignment(CloseAssignment(order_id))
    return iter((assigned - began, perf_counter() - assigned))
