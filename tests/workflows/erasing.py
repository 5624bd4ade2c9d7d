"""Fake contexts for an erasure: two pages of a customer's orders, and the recorded requests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Worker

from domain.common import contexts
from domain.common.commands import Command
from domain.erasure import (
    ERASE_ASSIGNMENTS,
    ERASE_FIND,
    ERASE_INSTALLATIONS,
    ERASE_VIEW,
    ERASE_WORKFLOWS,
    CustomersOrders,
    Erasure,
)
from harness.waiting import PATIENCE
from runtime.payload_codec import for_worker
from tests.encryption import guard
from workflows.common.runner import sandbox
from workflows.order_status.erasure import ErasureWorkflow

STEPS = (ERASE_WORKFLOWS, ERASE_INSTALLATIONS, ERASE_ASSIGNMENTS, ERASE_VIEW)
Input = list[tuple[str, list[str]]]


@asynccontextmanager
async def erasing(client: Client, *pages: CustomersOrders) -> AsyncIterator[Input]:
    """Run workers of the contexts. Yields the requests to erase, in order."""
    asked: Input = []
    left = list(pages)

    @activity.defn(name=ERASE_FIND.name)
    async def find(_: Erasure) -> CustomersOrders:
        return left.pop(0) if left else CustomersOrders()

    def step(command: Command[CustomersOrders, None]) -> Callable[..., Any]:
        @activity.defn(name=command.name)
        async def erase(orders: CustomersOrders) -> None:
            asked.append((command.name, orders.order_ids))

        return erase

    bodies: dict[str, list[Callable[..., Any]]] = {contexts.ORDER_STATUS: [find]}
    for command in STEPS:
        bodies.setdefault(command.context, []).append(step(command))
    async with AsyncExitStack() as workers:
        for queue, activities in bodies.items():
            workflows = [ErasureWorkflow] if queue == contexts.ORDER_STATUS else []
            worker = Worker(
                for_worker(client),
                task_queue=queue,
                activities=activities,
                workflows=workflows,
                workflow_runner=sandbox(strict=True),
                interceptors=[guard(client)],
            )
            await workers.enter_async_context(worker)
        yield asked


async def an_erasure(client: Client) -> WorkflowHistory:
    """Run an erasure of two pages."""
    async with erasing(client, CustomersOrders(["o1", "o2"]), CustomersOrders(["o3"])), asyncio.timeout(PATIENCE):
        handle = await client.start_workflow(
            ErasureWorkflow.run, Erasure("1"), id=uuid4().hex, task_queue=contexts.ORDER_STATUS
        )
        await handle.result()
        return await handle.fetch_history()
