"""What a request to a consumer takes at most, whatever comes back: time, bytes, and memory."""

import asyncio
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from activities.event_delivery import connecting
from activities.event_delivery.connecting import NameLookups
from activities.event_delivery.consumer import Consumer
from activities.event_delivery.sending import MOST_OF_BODY
from domain.event_delivery.answers import Failure, Outcome
from domain.event_delivery.messages import Message
from tests.event_delivery.consumer import Script, consumer
from tests.event_delivery.delivering import Delivering
from tests.event_delivery.hostile import BOMB, UNPACKED, bomb, flood, sent

MEGABYTE = 1024 * 1024


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the numbers of bytes that are read from connections."""
    numbers = []

    class Counting(connecting.BoundedStream):
        async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
            content = await super().read(max_bytes, timeout)
            numbers.append(len(content))
            return content

    monkeypatch.setattr(connecting, "BoundedStream", Counting)
    return numbers


async def test_little_of_a_long_answer_is_read(names: NameLookups, read: list[int]) -> None:
    await sent(flood, names)

    assert MOST_OF_BODY <= sum(read) <= connecting.MOST_BYTES


async def test_nothing_of_an_answer_is_unpacked(names: NameLookups, read: list[int]) -> None:
    assert (await sent(bomb, names)).outcome is Outcome.DELIVERED

    assert sum(read) <= len(BOMB) < UNPACKED


@contextmanager
def taking_at_most(most: int) -> Iterator[None]:
    """Check that no more memory is taken at any time than before, but for so many bytes."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before <= most


@pytest.mark.parametrize("script", [flood, bomb])
async def test_an_answer_takes_little_memory_however_large_it_is(script: Script, names: NameLookups) -> None:
    await sent(script, names)  # what is loaded with the first request stays

    with taking_at_most(MEGABYTE):
        await sent(script, names)


async def test_a_consumer_has_fifteen_seconds_for_its_answer(
    delivering: Delivering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No timer of the loop runs by itself."""
    loop, came, time = asyncio.get_running_loop(), asyncio.Event(), 0.0

    async def take(_: asyncio.StreamWriter) -> None:
        came.set()
        await asyncio.Event().wait()

    async with consumer(take) as seen:
        await delivering.subscribe(seen.port)
        subscription, pings = await delivering.subscription(), delivering.pings
        async with Consumer(subscription, pings.secrets, pings.outgoing) as made:
            monkeypatch.setattr(loop, "time", lambda: time)
            post = asyncio.ensure_future(made.post(Message("a-0", "{}")))
            await came.wait()
            time = 14.999
            await turns()
            assert not post.done()
            time = 15.0
            await turns()
            assert post.done()
            monkeypatch.undo()

    answer = post.result()
    assert (answer.outcome, answer.failure) == (Outcome.UNREACHABLE, Failure.TIMED_OUT)


async def turns() -> None:
    """Let the loop do whatever can be done."""
    for _ in range(100):
        await asyncio.sleep(0)
