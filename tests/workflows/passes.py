"""Contexts for a pass of the reconciliation: a view that has been looked at, and orders that have to be ended."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Worker

from domain import contexts
from domain.installation import CancelInstallation, Installation, InstallationStatus
from domain.management_center import CLOSE_ASSIGNMENT, CloseAssignment
from domain.orders import Order, OrderStatus
from domain.reconciliation import (
    END_INSTALLATION,
    END_ORDER,
    FINISH,
    LOOK,
    EndOrder,
    Found,
    Look,
    Reconciled,
    Reconciliation,
    Repair,
)
from tests.workflows.faults import Faults
from workflows.reconciliation import ReconciliationWorkflow
from workflows.runner import sandbox


@dataclass
class Looked:
    """What a view has to show at each look, and what was asked of the contexts."""

    pages: dict[OrderStatus | None, list[Found]] = field(default_factory=dict)
    """Of each part; one that is not here has one page with nothing on it."""
    expired: list[int] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    ended: list[EndOrder] = field(default_factory=list)
    kept_for: list[float] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)

    @activity.defn(name=LOOK.name)
    async def look(self, asked: Look) -> Found:
        self.looks.append(asked)
        pages = self.pages.get(asked.status, [Found()])
        page = int(asked.after or 0)
        pages[page].next = str(page + 1) if page + 1 < len(pages) else None
        return pages[page]

    @activity.defn(name=END_INSTALLATION.name)
    async def end_installation(self, asked: CancelInstallation) -> Installation:
        await self.faults.before(END_INSTALLATION.name, asked.order_id)
        return Installation(asked.order_id, status=InstallationStatus.CANCELED, reason=asked.reason)

    @activity.defn(name=CLOSE_ASSIGNMENT.name)
    async def close_assignment(self, asked: CloseAssignment) -> None:
        self.closed.append(asked.order_id)

    @activity.defn(name=END_ORDER.name)
    async def end_order(self, asked: EndOrder) -> None:
        self.ended.append(asked)

    @activity.defn(name=FINISH.name)
    async def finish(self, keep_for: float) -> int:
        self.kept_for.append(keep_for)
        return self.expired.pop(0) if self.expired else 0


@asynccontextmanager
async def looking(client: Client, looked: Looked) -> AsyncIterator[Callable[..., Awaitable[Reconciled]]]:
    """Workers of those contexts; what it gives does a pass."""
    activities: dict[str, list[Callable[..., Any]]] = {
        contexts.ORDER_STATUS: [looked.look, looked.end_order, looked.finish],
        contexts.INSTALLATION: [looked.end_installation],
        contexts.MANAGEMENT_CENTER: [looked.close_assignment],
    }

    async def reconcile(plan: Reconciliation = Reconciliation(), *, named: str | None = None) -> Reconciled:
        return await client.execute_workflow(
            ReconciliationWorkflow.run, plan, id=named or uuid4().hex, task_queue=contexts.ORDER_STATUS
        )

    async with AsyncExitStack() as workers:
        for queue, served in activities.items():
            await workers.enter_async_context(
                Worker(
                    client,
                    task_queue=queue,
                    activities=served,
                    workflows=[ReconciliationWorkflow] if queue == contexts.ORDER_STATUS else [],
                    workflow_runner=sandbox(strict=True),
                )
            )
        yield reconcile


async def a_pass_that_ends_an_order(client: Client) -> WorkflowHistory:
    """Two pages, one order that was terminated, and something that is kept no longer."""
    pages: dict[OrderStatus | None, list[Found]] = {
        None: [Found(repaired={Repair.MISSED: 1}), Found()],
        OrderStatus.JOIN_ORDERED: [Found(ended=[Order("o1", status=OrderStatus.JOIN_ORDERED)])],
    }
    async with looking(client, Looked(pages, expired=[3])) as reconcile:
        name = uuid4().hex
        async with asyncio.timeout(20):
            await reconcile(Reconciliation(keep_for=1), named=name)
        return await client.get_workflow_handle(name).fetch_history()


PASSES: Mapping[str, Callable[[Client], Awaitable[WorkflowHistory]]] = {
    a_pass_that_ends_an_order.__name__: a_pass_that_ends_an_order
}
