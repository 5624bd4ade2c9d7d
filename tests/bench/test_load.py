"""What a window of a constant load counts."""

from collections.abc import Iterable
from typing import Any, cast

from bench.load import Load, RequestFeed
from harness.stack import Stack

_IN_MOTION, _WAVES = 3, 2


class _Orders:
    """Orders that go on at once, in place of Temporal's client and of the way of acting."""

    def __init__(self) -> None:
        self.placed: list[str] = []
        self.ended: list[str] = []

    async def place(self) -> str:
        self.placed.append(f"order-{len(self.placed)}")
        return self.placed[-1]

    async def act(self, act: str, order_id: str, engineer_id: str) -> None:
        if act == "complete":
            self.ended.append(order_id)

    async def requested(self) -> Iterable[tuple[str, str]]:
        return [(order_id, "engineer") for order_id in self.placed]

    def get_workflow_handle(self, _: str) -> Any:
        return self

    async def result(self) -> None:
        pass


class _Stack:
    def pids(self, kind: str) -> list[int]:
        return []


async def test_a_window_measures_whole_waves_after_one_that_only_begins() -> None:
    orders = _Orders()
    load = Load(cast(Any, orders), orders, RequestFeed(orders.requested), _IN_MOTION)

    window = await load.window(cast(Stack, _Stack()), ["worker"], waves=_WAVES)

    assert window.orders == orders.ended[_IN_MOTION : (1 + _WAVES) * _IN_MOTION]
    assert set(window.cpu) == {"worker", "client"}
    assert sorted(orders.ended) == sorted(orders.placed), "an order that was placed has not ended, or twice"
