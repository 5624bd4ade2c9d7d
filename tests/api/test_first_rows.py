import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from prometheus_client import CollectorRegistry

from api.http import write_behind as batches
from api.orders.initial_projection import InitialProjection
from domain.common.errors import StoreUnavailable
from domain.orders import HistoryEntry, Order
from stores.order_status.view import OrderStatusStore
from tests.eventually import soon


class Store(OrderStatusStore):
    """A store that keeps what it receives while it is up."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.up = True
        self.refused: set[str] = set()
        self.asked = 0

    async def put(self, orders: Sequence[Order]) -> Sequence[Sequence[HistoryEntry]]:
        self.asked += 1
        if not self.up:
            raise StoreUnavailable("down")
        order_ids = [order.order_id for order in orders]
        if self.refused & set(order_ids):
            raise ValueError("no such column")
        self.batches.append(order_ids)
        return []


class Rows:
    """A running initial projection."""

    def __init__(self) -> None:
        self.store = Store()
        self.registry = CollectorRegistry()
        self.rows = InitialProjection(self.store, self.registry)
        self.running = asyncio.create_task(self.rows.run())

    def add(self, *order_ids: str) -> None:
        for order_id in order_ids:
            self.rows.add(Order(order_id))

    async def stop(self) -> None:
        self.rows.stop()
        await self.running

    @property
    def dropped(self) -> float | None:
        return self.registry.get_sample_value("first_rows_dropped_total")

    async def written(self, *batches: list[str]) -> None:
        async def as_wanted() -> bool:
            return self.store.batches == list(batches)

        await soon(as_wanted)


@pytest.fixture
async def rows(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rows]:
    monkeypatch.setattr(batches, "PAUSE", 0.01)
    rows = Rows()
    yield rows
    await rows.stop()


async def test_orders_taken_close_together_are_written_together(rows: Rows) -> None:
    rows.add("one", "two", "three")

    await rows.written(["one", "two", "three"])


async def test_a_batch_has_a_bound(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH", 2)
    rows.add("one", "two", "three")

    await rows.written(["one", "two"], ["three"])


async def test_orders_wait_for_a_read_model_that_is_down(rows: Rows) -> None:
    rows.store.up = False
    rows.add("one")
    await soon(lambda: asked(rows, 3))
    rows.store.up = True

    await rows.written(["one"])
    assert rows.dropped == 0


async def test_the_newest_are_dropped_when_too_many_wait(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MOST_WAITING", 2)
    rows.add("one", "two", "three")

    await rows.written(["one", "two"])
    assert rows.dropped == 1


async def test_what_the_read_model_refuses_does_not_hold_up_the_rest(rows: Rows) -> None:
    rows.store.refused = {"one"}
    rows.add("one")
    await soon(lambda: asked(rows, 1))
    rows.add("two")

    await rows.written(["two"])
    assert rows.dropped == 1


async def test_a_row_that_is_refused_costs_no_other_of_its_batch(rows: Rows) -> None:
    rows.store.refused = {"two"}
    rows.add("one", "two", "three")

    await rows.written(["one"], ["three"])
    assert rows.dropped == 1


async def test_what_waits_is_written_before_the_process_ends(rows: Rows) -> None:
    rows.add("one")
    await rows.stop()

    assert rows.store.batches == [["one"]]


async def test_a_process_ends_although_the_read_model_is_down(rows: Rows) -> None:
    rows.store.up = False
    rows.add("one")
    await rows.stop()

    assert rows.dropped == 1


async def asked(rows: Rows, times: int) -> bool:
    return rows.store.asked >= times
