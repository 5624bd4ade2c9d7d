"""Whether somebody works at a task queue."""

import socket
from contextlib import closing
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from observability.task_queues import POLLED_WITHIN, QueueState, check_polled, describe


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


async def test_a_server_that_accepts_connections_and_says_nothing_is_not_waited_for() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        client = await Client.connect(f"127.0.0.1:{silent.getsockname()[1]}", lazy=True)

        with pytest.raises(TimeoutError):  # the SDK gives up later, with another error
            await describe(client, "orders", TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, within=timedelta(seconds=0.05))
