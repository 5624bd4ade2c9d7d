"""A management center with orders that are due, and the dispatchers that ask them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.worker import Worker

from domain.common import contexts
from domain.management_center.dispatch import FIND_DUE, LOOK, TELL_ORDER, WORKFLOW_ID, Due, FindDue, workflow_id_of
from tests.workflows.faults import Faults
from tests.workflows.waiting import within
from workflows.common.runner import sandbox
from workflows.management_center.dispatch import DispatchWorkflow

EVER = 10**9
SEOUL, BUSAN = "KR-11", "KR-26"
Call: TypeAlias = Callable[..., Awaitable["WorkflowHandle[DispatchWorkflow, None]"]]


@dataclass
class Center:
    """A management center with orders that are due, and that answer as a test has set."""

    due: list[Due] = field(default_factory=list)
    regions: dict[str, str] = field(default_factory=dict)
    """Regions of orders by id. All others are in Seoul."""
    waiting: bool = False
    """The orders wait, so that only the first of a region is found. Otherwise their visits have no engineer."""
    told: list[tuple[str, int]] = field(default_factory=list)
    """The notified orders, in the order of their answers."""
    looked: list[list[str]] = field(default_factory=list)
    """The orders that were put off at each query."""
    silent: set[str] = field(default_factory=set)
    """Orders that cannot answer."""
    stubborn: set[str] = field(default_factory=set)
    """Orders that answer and stay due."""
    postpones: bool = True
    """Whether an order that was asked in vain is not found again. Unset: an activity of the release before asked."""
    postponed: set[str] = field(default_factory=set)
    faults: Faults = field(default_factory=Faults)
    telling: int = 0
    most_at_once: int = 0
    """The highest number of orders that were asked at the same time."""

    @activity.defn(name=FIND_DUE.name)
    async def find_due(self, asked: FindDue) -> list[Due]:
        await self.faults.before(FIND_DUE.name, "")
        self.looked.append(asked.put_off)
        passed_over = {*asked.put_off, *self.postponed}
        found = [due for due in self.due if due.order_id not in passed_over and self._is_of(asked.region, due)]
        await self.faults.after(FIND_DUE.name, "")
        return found[: 1 if self.waiting else 20]

    @activity.defn(name=TELL_ORDER.name)
    async def tell_order(self, due: Due) -> bool:
        self.telling += 1
        self.most_at_once = max(self.most_at_once, self.telling)
        try:
            await self.faults.before(TELL_ORDER.name, due.order_id)
            if due.order_id in self.silent | self.stubborn and self.postpones:
                self.postponed.add(due.order_id)
            if due.order_id in self.silent:
                return False
            self.told.append((due.order_id, due.round))
            if due.order_id not in self.stubborn:
                self.due.remove(due)
            return True
        finally:
            self.telling -= 1

    def _is_of(self, region: str | None, due: Due) -> bool:
        return region is None or region == self.regions.get(due.order_id, SEOUL)


@asynccontextmanager
async def dispatching(client: Client, center: Center) -> AsyncIterator[Call]:
    """Run a worker of that management center. Yields a function that calls a dispatcher, by default of all regions."""
    worker = Worker(
        client,
        task_queue=contexts.MANAGEMENT_CENTER,
        workflows=[DispatchWorkflow],
        activities=[center.find_due, center.tell_order],
        workflow_runner=sandbox(strict=True),
    )
    everywhere = uuid4().hex

    async def call(dispatch_id: str = everywhere) -> "WorkflowHandle[DispatchWorkflow, None]":
        return await client.start_workflow(
            DispatchWorkflow.run,
            id=dispatch_id,
            task_queue=contexts.MANAGEMENT_CENTER,
            start_signal=LOOK,
        )

    async with worker:
        yield call


def orders(*ids: str) -> list[Due]:
    return [Due(order_id, 1) for order_id in ids]


async def dispatched(dispatch_id: str, client: Client) -> WorkflowHistory:
    """Run a dispatcher that asks more orders than at once, two of them in vain. Returns its history."""
    center = Center(
        due=orders("silent", "stubborn", *map(str, range(10))),
        silent={"silent"},
        stubborn={"stubborn"},
        postpones=dispatch_id != WORKFLOW_ID,
    )
    async with dispatching(client, center) as call:
        handle = await call(dispatch_id)
        await within(handle.result())
        return await handle.fetch_history()


DISPATCHES: Mapping[str, Callable[[Client], Awaitable[WorkflowHistory]]] = {
    "a_dispatch_of_a_region": partial(dispatched, workflow_id_of(SEOUL)),
    "a_dispatch_of_all_regions": partial(dispatched, WORKFLOW_ID),
}
