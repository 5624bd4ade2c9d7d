"""A worker that has just begun does not begin all deliveries in the same moment."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from secrets import SystemRandom
from time import monotonic
from unittest.mock import Mock

import pytest

from harness.waiting import soon
from tests.event_delivery.delivering import Delivering, recipient, running


@pytest.fixture
def pause(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Return what draws the pause: one without an end."""
    drawn = Mock(return_value=10.0**6)
    monkeypatch.setattr(SystemRandom, "uniform", drawn)
    return drawn


async def test_a_process_that_has_just_begun_waits_a_random_moment_before_each_delivery(
    delivering: Delivering, pause: Mock
) -> None:
    async with recipient() as seen:
        await delivering.subscribe(seen.port)
        await delivering.tell("a")
        before = (await delivering.subscription()).run
        begun = replace(delivering.activities(), began=monotonic() + 1000)
        process = asyncio.ensure_future(running(begun))

        async def waits() -> bool:
            return process.done() or pause.called

        await soon(waits)

        pause.assert_called_once_with(0, 2)
        assert (await delivering.subscription()).run == before
        process.cancel()
        with suppress(asyncio.CancelledError):
            await process
        assert seen.sent == []


async def test_a_process_that_has_run_for_a_while_does_not_wait(delivering: Delivering, pause: Mock) -> None:
    async with recipient() as seen:
        await delivering.subscribe(seen.port)
        await delivering.tell("a")

        await running(replace(delivering.activities(), began=monotonic() - 2))

        assert seen.accepted == ["a-0"]
        assert not pause.called
