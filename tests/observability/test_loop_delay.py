"""The delays of the event loop are measured."""

import asyncio
import time

import pytest
from prometheus_client import CollectorRegistry

from observability import loop_delay
from observability.loop_delay import LoopDelay
from tests.eventually import PATIENCE, soon


async def test_a_loop_that_was_held_up_shows_by_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_delay, "EVERY", 0.01)
    registry = CollectorRegistry()

    def measured(**labels: str) -> float:
        name = "event_loop_delay_seconds_bucket" if labels else "event_loop_delay_seconds_count"
        return registry.get_sample_value(name, labels) or 0

    async def counted() -> bool:
        return measured() > 0

    measuring = asyncio.create_task(LoopDelay(registry).run())
    await asyncio.sleep(0)

    time.sleep(0.3)  # noqa: ASYNC251 - this is what holds it up
    monkeypatch.setattr(loop_delay, "EVERY", PATIENCE)  # only this is measured, whatever holds it up again
    await soon(counted, what="a delay is measured")

    assert measured(le="0.25") == measured() - 1
    measuring.cancel()
