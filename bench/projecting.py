"""Projections of 200 orders at once: each in a transaction of its own, and as a worker stores them, in turns."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from time import perf_counter

from activities.order_status.group_commit import GroupCommit
from bench import one_store
from bench.orders import subscription
from bench.report import Aim, Measurement, Row
from domain.common import contexts
from domain.orders import Event, HistoryEntry, Order
from stores.order_status.view import OrderStatusStore

_AT_ONCE = 200
_EVENTS = (Event.ORDER_ACCEPTED, Event.INSTALLATION_REQUESTED, Event.INSTALLATION_ACCEPTED, Event.JOIN_COMPLETED)
"""Each makes a version of its own, so a row is inserted once and changed four times."""
_TIMES = 5.0
"""How many times as many projections a worker has to store."""


class _Projecting:
    """One way to project orders, and what it has done."""

    def __init__(self, title: str, store: OrderStatusStore, *, together: bool) -> None:
        self._title = title
        self._store = store
        self._group = GroupCommit(self._put) if together else None
        self._projections, self._transactions, self._seconds = 0, 0, 0.0

    @property
    def rate(self) -> float:
        """Projections in a second."""
        return self._projections / self._seconds

    def row(self) -> Row:
        """Return the row of the report."""
        each = self._projections / self._transactions
        return {"transactions": self._title, "projections/s": self.rate, "orders in each": each}

    async def go_on(self, seconds: float) -> None:
        """Project orders for so long."""
        began = perf_counter()
        await asyncio.gather(*(self._orders(until=began + seconds) for _ in range(_AT_ONCE)))
        self._seconds += perf_counter() - began

    async def _orders(self, *, until: float) -> None:
        """Project one order after another, in each of its versions."""
        while perf_counter() < until:
            order = subscription().order
            await self._project(order)
            for event in _EVENTS:
                order.record(event, at=datetime.now(UTC))
                await self._project(order)

    async def _project(self, order: Order) -> None:
        sent = replace(order, history=list(order.history))
        await (self._group.put(sent) if self._group else self._put([sent]))
        self._projections += 1

    async def _put(self, orders: Sequence[Order]) -> Sequence[Sequence[HistoryEntry]]:
        self._transactions += 1
        return await self._store.put(orders)


async def measure(*, quick: bool) -> Measurement:
    """Measure the rates of both ways."""
    rounds, seconds = (1, 0.5) if quick else (3, 3.0)
    found = Measurement(f"Projections of {_AT_ONCE} orders at once, by one process on {one_store.KIND}")
    async with one_store.opened(contexts.ORDER_STATUS) as database:
        store = OrderStatusStore(database)
        alone = _Projecting("of one order each", store, together=False)
        together = _Projecting("of the orders of one moment, as a worker has them", store, together=True)
        for _ in range(rounds):
            await alone.go_on(seconds)
            await together.go_on(seconds)
    found.rows += [alone.row(), together.row()]
    text = "projections per second, as many times as in transactions of their own"
    found.aims.append(Aim(text, together.rate / alone.rate, _TIMES, at_least=True))
    return found
