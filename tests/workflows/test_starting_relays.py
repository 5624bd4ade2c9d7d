"""An event-delivery worker starts the relay of each source, and again when somebody has ended it."""

import asyncio
from unittest.mock import AsyncMock
from uuid import uuid4

import pytest
from temporalio.client import Client

from activities.event_delivery import part
from activities.event_delivery.part import keep_relays_running
from domain.common import contexts
from domain.event_delivery.relay import workflow_id
from harness.waiting import soon
from runtime.temporal_client import start_event_relay


async def test_relays_are_started_again_and_again_also_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "_BETWEEN_STARTS", 0.001)
    monkeypatch.setattr(part, "_AFTER_A_FAILURE", 0.001)
    stop, start = asyncio.Event(), AsyncMock(side_effect=[RuntimeError("down"), None, TimeoutError, *[None] * 10**4])
    running = asyncio.create_task(keep_relays_running(start, stop))

    async def started_often() -> bool:
        return start.await_count >= 5

    await soon(started_often)
    stop.set()
    await running

    assert {call.args for call in start.await_args_list} == {(contexts.ORDER_STATUS,)}


async def test_a_process_that_stops_does_not_wait_for_the_next_start() -> None:
    stop, start = asyncio.Event(), AsyncMock()
    running = asyncio.create_task(keep_relays_running(start, stop))

    async def started() -> bool:
        return start.await_count == 1

    await soon(started)
    stop.set()
    await running


async def test_a_relay_that_runs_is_left_alone_and_one_that_was_ended_is_started(client: Client) -> None:
    source = f"source-{uuid4().hex}"
    await start_event_relay(client, source)
    first = await client.get_workflow_handle(workflow_id(source)).describe()
    await start_event_relay(client, source)
    assert (await client.get_workflow_handle(workflow_id(source)).describe()).run_id == first.run_id

    await client.get_workflow_handle(workflow_id(source)).terminate()
    await start_event_relay(client, source)

    again = await client.get_workflow_handle(workflow_id(source)).describe()
    assert again.run_id != first.run_id
    assert again.task_queue == contexts.EVENT_DELIVERY
    await client.get_workflow_handle(workflow_id(source)).terminate()
