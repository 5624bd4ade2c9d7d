"""Activities of the management center: decisions about assignments, and the dispatch of orders that are due."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog
from temporalio import activity
from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from activities.common.serving import Part, Resources, carries_out
from domain.erasure import ERASE_ASSIGNMENTS, CustomersOrders
from domain.management_center.assignments import (
    ASSIGN_ENGINEER,
    CLOSE_ASSIGNMENT,
    RELEASE_ASSIGNMENT,
    AssignEngineer,
    AssignmentOutcome,
    CloseAssignment,
    ReleaseAssignment,
)
from domain.management_center.dispatch import FIND_DUE, TELL_ORDER, Due, FindDue, Reconsider
from domain.orders import Message, workflow_id
from runtime.dispatch_watch import DispatchWatch
from runtime.temporal_client import call_dispatchers
from stores.management_center.assignments import ManagementCenterStore

_ANSWER_WITHIN = timedelta(seconds=3)
_ROUNDS_TOLD_APART = 5
"""Rounds with a label of their own in the metrics. All later rounds share one."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ManagementCenterActivities:
    """Activities of the order workflow. Refusals are return values; an exception is an outage, and is retried."""

    store: ManagementCenterStore
    dispatch: DispatchWatch

    @carries_out(ASSIGN_ENGINEER)
    async def assign_engineer(self, request: AssignEngineer) -> AssignmentOutcome:
        """Decide an assignment round, and book the visit."""
        outcome = await self.store.assign_engineer(request)
        _count(request, outcome)
        self.dispatch.changed()
        return outcome

    @carries_out(RELEASE_ASSIGNMENT)
    async def release_assignment(self, request: ReleaseAssignment) -> None:
        """Release the window of a round."""
        await self.store.release_assignment(request)
        self.dispatch.changed()

    @carries_out(CLOSE_ASSIGNMENT)
    async def close_assignment(self, request: CloseAssignment) -> None:
        """Release the order's window permanently."""
        await self.store.close_assignment(request)
        self.dispatch.changed()

    @carries_out(ERASE_ASSIGNMENTS)
    async def erase(self, request: CustomersOrders) -> None:
        """Erase which customer asked for an assignment."""
        await self.store.erase(request.order_ids)


@dataclass(frozen=True)
class DispatchActivities:
    """Activities of `DispatchWorkflow`."""

    store: ManagementCenterStore
    client: Client

    @carries_out(FIND_DUE)
    async def find_due(self, request: FindDue) -> list[Due]:
        """Find the next orders to ask."""
        return await self.store.find_due(request)

    @carries_out(TELL_ORDER)
    async def tell_order(self, due: Due) -> bool:
        """Ask an order to decide another round, and return whether it has done so in time.

        An order that does not is postponed, so that others are asked meanwhile.
        """
        info = activity.info()
        order = self.client.get_workflow_handle(workflow_id(due.order_id))
        try:
            await order.execute_update(
                Message.RECONSIDER,
                Reconsider(due.round),
                id=f"{Message.RECONSIDER}-{info.workflow_run_id}-{info.activity_id}",
                rpc_timeout=_ANSWER_WITHIN,
            )
        except WorkflowUpdateFailedError:
            # The order has moved on by itself, or is about to.
            await self.store.postpone(due)
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            await self.store.postpone(due)
            return False
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                await self.store.postpone(due)
                raise
            # The order has ended or was terminated: nobody else would release what is reserved for it.
            await self.store.close_assignment(CloseAssignment(due.order_id))
        return True


def _count(request: AssignEngineer, outcome: AssignmentOutcome) -> None:
    counter = activity.metric_meter().create_counter(
        "assignments_total", "Assignment rounds that were decided, by round and outcome"
    )
    round_ = str(request.round) if request.round <= _ROUNDS_TOLD_APART else f"{_ROUNDS_TOLD_APART + 1} or later"
    counter.add(1, {"round": round_, "outcome": outcome.refusal or "ASSIGNED"})


def part(resources: Resources) -> Part:
    """Create the context's part in a worker process."""
    store = ManagementCenterStore(resources.database, resources.settings.booking_rules)
    dispatch = DispatchWatch(store.due_regions, partial(call_dispatchers, resources.client))

    async def background(stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(dispatch.run())
            await stop.wait()
            dispatch.stop()

    return Part([ManagementCenterActivities(store, dispatch), DispatchActivities(store, resources.client)], background)
