"""Fake contexts for a pass of the reconciliation: pages of the view, orders to end, and expired orders."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Worker

from domain.common import contexts
from domain.erasure import ERASE_ASSIGNMENTS, ERASE_INSTALLATIONS, CustomersOrders
from domain.installation import CancelInstallation, Installation, InstallationStatus, OrderDetails
from domain.management_center.assignments import CLOSE_ASSIGNMENT, CloseAssignment
from domain.order_status.reconciliation import (
    ADD_DETAILS,
    END_INSTALLATION,
    END_ORDER,
    FIND_DETAILS,
    FIND_EXPIRED,
    FIND_LACKING_DETAILS,
    FINISH,
    FORGET,
    LOOK,
    RECOUNT,
    EndOrder,
    Expired,
    Found,
    FoundDetails,
    LackingDetails,
    Look,
    Reconciled,
    Reconciliation,
    Recount,
    Repair,
)
from domain.orders import Order, OrderStatus
from harness.waiting import PATIENCE
from runtime.payload_codec import for_worker
from tests.encryption import guard
from tests.workflows.faults import Faults
from workflows.common.runner import sandbox
from workflows.order_status.reconciliation import ReconciliationWorkflow


@dataclass
class Looked:
    """The pages of a view, and the recorded requests."""

    pages: dict[OrderStatus | None, list[Found]] = field(default_factory=dict)
    """The pages of each part. A part that is missing here has one empty page."""
    expired: list[list[str]] = field(default_factory=list)
    """The batches of expired orders."""
    changes: list[int] = field(default_factory=list)
    """The number of deleted changes in each batch."""
    looks: list[Look] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    ended: list[EndOrder] = field(default_factory=list)
    kept_for: list[float] = field(default_factory=list)
    lost: list[tuple[str, list[str]]] = field(default_factory=list)
    """What was erased or deleted, and of which orders, in order."""
    lacking: list[str] = field(default_factory=list)
    """Orders whose installations lack details, sorted by id. They are found one at a time."""
    unknown: list[str] = field(default_factory=list)
    """Those of them that are not in the view."""
    looked_after: list[str] = field(default_factory=list)
    added: list[OrderDetails] = field(default_factory=list)
    miscounted: list[int] = field(default_factory=list)
    """The number of orders that each count finds counted wrongly."""
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
        return Installation(
            asked.order_id,
            status=InstallationStatus.CANCELED,
            reason=asked.reason,
            region=asked.region,
            customer_note=asked.customer_note,
            product_id=asked.product_id,
        )

    @activity.defn(name=CLOSE_ASSIGNMENT.name)
    async def close_assignment(self, asked: CloseAssignment) -> None:
        self.closed.append(asked.order_id)

    @activity.defn(name=END_ORDER.name)
    async def end_order(self, asked: EndOrder) -> None:
        self.ended.append(asked)

    @activity.defn(name=FIND_EXPIRED.name)
    async def find_expired(self, keep_for: float) -> Expired:
        self.kept_for.append(keep_for)
        return Expired(self.expired[0] if self.expired else [])

    @activity.defn(name=ERASE_INSTALLATIONS.name)
    async def erase_installations(self, asked: CustomersOrders) -> None:
        await self._erase(ERASE_INSTALLATIONS.name, asked)

    @activity.defn(name=ERASE_ASSIGNMENTS.name)
    async def erase_assignments(self, asked: CustomersOrders) -> None:
        await self._erase(ERASE_ASSIGNMENTS.name, asked)

    async def _erase(self, name: str, asked: CustomersOrders) -> None:
        await self.faults.before(name, "")
        self.lost.append((name, asked.order_ids))

    @activity.defn(name=FORGET.name)
    async def forget(self, expired: Expired) -> None:
        self.lost.append((FORGET.name, expired.order_ids))
        self.expired.remove(expired.order_ids)

    @activity.defn(name=FINISH.name)
    async def finish(self, keep_for: float) -> int:
        self.kept_for.append(keep_for)
        return self.changes.pop(0) if self.changes else 0

    @activity.defn(name=FIND_LACKING_DETAILS.name)
    async def find_lacking(self, after: str) -> LackingDetails:
        await self.faults.before(FIND_LACKING_DETAILS.name, "")
        self.looked_after.append(after)
        return LackingDetails([order_id for order_id in self.lacking if order_id > after][:1])

    @activity.defn(name=FIND_DETAILS.name)
    async def find_details(self, lacking: LackingDetails) -> FoundDetails:
        await self.faults.before(FIND_DETAILS.name, "")
        assert lacking.until == self.looks[-1].until
        known = [order_id for order_id in lacking.order_ids if order_id not in self.unknown]
        return FoundDetails([OrderDetails(order_id, "KR-11", "note", "2001") for order_id in known])

    @activity.defn(name=ADD_DETAILS.name)
    async def add_details(self, found: FoundDetails) -> None:
        await self.faults.before(ADD_DETAILS.name, "")
        self.added += found.orders
        for details in found.orders:
            self.lacking.remove(details.order_id)

    @activity.defn(name=RECOUNT.name)
    async def recount(self, _: Recount) -> int:
        await self.faults.before(RECOUNT.name, "")
        return self.miscounted.pop(0) if self.miscounted else 0


@asynccontextmanager
async def looking(client: Client, looked: Looked) -> AsyncIterator[Callable[..., Awaitable[Reconciled]]]:
    """Run workers of those contexts. Yields a function that runs a pass."""
    activities: dict[str, list[Callable[..., Any]]] = {
        contexts.ORDER_STATUS: [
            looked.look,
            looked.end_order,
            looked.find_expired,
            looked.forget,
            looked.finish,
            looked.find_details,
            looked.recount,
        ],
        contexts.INSTALLATION: [
            looked.end_installation,
            looked.erase_installations,
            looked.find_lacking,
            looked.add_details,
        ],
        contexts.MANAGEMENT_CENTER: [looked.close_assignment, looked.erase_assignments],
    }

    async def reconcile(plan: Reconciliation = Reconciliation(), *, named: str | None = None) -> Reconciled:
        return await client.execute_workflow(
            ReconciliationWorkflow.run, plan, id=named or uuid4().hex, task_queue=contexts.ORDER_STATUS
        )

    async with AsyncExitStack() as workers:
        for queue, served in activities.items():
            await workers.enter_async_context(
                Worker(
                    for_worker(client),
                    task_queue=queue,
                    activities=served,
                    workflows=[ReconciliationWorkflow] if queue == contexts.ORDER_STATUS else [],
                    workflow_runner=sandbox(strict=True),
                    interceptors=[guard(client)],
                )
            )
        yield reconcile


async def a_pass_that_ends_an_order(client: Client) -> WorkflowHistory:
    """Record a pass with two pages, one terminated order, and expired changes."""
    pages: dict[OrderStatus | None, list[Found]] = {
        None: [Found(repaired={Repair.MISSED: 1}), Found()],
        OrderStatus.JOIN_ORDERED: [Found(ended=[Order("o1", status=OrderStatus.JOIN_ORDERED)])],
    }
    return await _recorded(client, Looked(pages, changes=[3]))


async def a_pass_that_forgets_orders(client: Client) -> WorkflowHistory:
    """Record a pass that deletes orders after the other contexts have erased them."""
    return await _recorded(client, Looked(expired=[["o1", "o2"]], changes=[3]))


async def a_pass_that_adds_details(client: Client) -> WorkflowHistory:
    """Record a pass that adds details to installations of an earlier release. One order is not in the view."""
    return await _recorded(client, Looked(lacking=["o1", "o2", "o3"], unknown=["o2"]))


async def a_pass_that_goes_on_in_a_new_run(client: Client) -> WorkflowHistory:
    """Record the first run of a pass that deletes more changes than one run should."""
    return await _recorded(client, Looked(changes=[500] * 25))


async def a_pass_that_leaves_the_rest_to_the_next(client: Client) -> WorkflowHistory:
    """Record a pass that has taken its time after one page of the view, and finds orders that were counted wrongly."""
    pages: dict[OrderStatus | None, list[Found]] = {OrderStatus.JOIN_ORDERED: [Found(), Found()]}
    return await _recorded(client, Looked(pages, miscounted=[3]), lasts_for=1e-6)


async def _recorded(client: Client, looked: Looked, *, lasts_for: float = 0) -> WorkflowHistory:
    async with looking(client, looked) as reconcile:
        name = uuid4().hex
        async with asyncio.timeout(PATIENCE):
            await reconcile(Reconciliation(keep_for=1, lasts_for=lasts_for), named=name)
        return (await runs_of(client, name))[0]


async def runs_of(client: Client, name: str) -> list[WorkflowHistory]:
    """Return the history of each run of a workflow, the first run first."""
    newest = await client.get_workflow_handle(name).describe()
    run_id = newest.raw_description.workflow_execution_info.first_run_id
    runs: list[WorkflowHistory] = []
    while run_id:
        runs.append(await client.get_workflow_handle(name, run_id=run_id).fetch_history())
        run_id = runs[-1].events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return runs


PASSES: Mapping[str, Callable[[Client], Awaitable[WorkflowHistory]]] = {
    each.__name__: each
    for each in (
        a_pass_that_ends_an_order,
        a_pass_that_forgets_orders,
        a_pass_that_adds_details,
        a_pass_that_goes_on_in_a_new_run,
        a_pass_that_leaves_the_rest_to_the_next,
    )
}
