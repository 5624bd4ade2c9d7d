"""Whether somebody works at a task queue."""

import pytest
from temporalio.service import RPCError, RPCStatusCode

from observability.task_queues import POLLED_WITHIN, QueueState, check_polled


@pytest.mark.parametrize("polled", [(0.0,), (POLLED_WITHIN + 1, 5.0)])
async def test_a_queue_is_served_while_one_worker_polls(polled: tuple[float, ...]) -> None:
    async def look() -> QueueState:
        return QueueState(7, 30.0, polled)

    await check_polled(look)


@pytest.mark.parametrize("polled", [(), (POLLED_WITHIN + 1, 200.0)])
async def test_a_queue_without_a_worker_is_not_served(polled: tuple[float, ...]) -> None:
    async def look() -> QueueState:
        return QueueState(0, 0.0, polled)

    with pytest.raises(ConnectionError):
        await check_polled(look)


@pytest.mark.parametrize("error", [RPCError("away", RPCStatusCode.UNAVAILABLE, b""), TimeoutError(), RuntimeError()])
async def test_what_the_server_does_not_tell_is_not_told_either(error: Exception) -> None:
    async def look() -> QueueState:
        raise error

    await check_polled(look)
