"""Activities of the management center: decisions about assignments, and the dispatch of orders that are due."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog
from temporalio import activity
from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from activities.common.serving import Part, Resources, carries_out
from domain.common.errors import StoreUnavailable
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
from runtime.temporal_client import call_dispatcher
from stores.management_center.assignments import ManagementCenterStore

_ANSWER_WITHIN = timedelta(seconds=3)
_ROUNDS_TOLD_APART = 5
"""Rounds with a label of their own in the metrics. All later rounds share one."""
_BETWEEN_LOOKS = 60.0
"""Seconds between two checks for orders that are due."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ManagementCenterActivities:
    """Activities of the order workflow. Refusals are return values; an exception is an outage, and is retried."""

    store: ManagementCenterStore
    call_dispatcher: Callable[[], Awaitable[None]]

    @carries_out(ASSIGN_ENGINEER)
    async def assign_engineer(self, request: AssignEngineer) -> AssignmentOutcome:
        """Decide an assignment round, and book the visit."""
        outcome = await self.store.assign_engineer(request)
        _count(request, outcome)
        await self._dispatch()
        return outcome

    @carries_out(RELEASE_ASSIGNMENT)
    async def release_assignment(self, request: ReleaseAssignment) -> None:
        """Release the window of a round."""
        await self.store.release_assignment(request)
        await self._dispatch()

    @carries_out(CLOSE_ASSIGNMENT)
    async def close_assignment(self, request: CloseAssignment) -> None:
        """Release the order's window permanently."""
        await self.store.close_assignment(request)
        await self._dispatch()

    @carries_out(ERASE_ASSIGNMENTS)
    async def erase(self, request: CustomersOrders) -> None:
        """Erase which customer asked for an assignment."""
        await self.store.erase(request.order_ids)

    async def _dispatch(self) -> None:
        # Every attempt checks this: an attempt that was killed may have written without calling the dispatcher.
        if await self.store.has_due():
            await self.call_dispatcher()


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
        """Ask an order to decide another round, and return whether it has done so in time."""
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
            return True
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            return False
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
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
    dispatcher = partial(call_dispatcher, resources.client)
    return Part(
        [ManagementCenterActivities(store, dispatcher), DispatchActivities(store, resources.client)],
        partial(_look_for_due, store, dispatcher),
    )


async def _look_for_due(
    store: ManagementCenterStore, dispatcher: Callable[[], Awaitable[None]], stop: asyncio.Event
) -> None:
    """Call the dispatcher periodically while orders are due.

    Orders also become due as time passes, and a process that made one due may have been killed before its call.
    """
    while not stop.is_set():
        try:
            if await store.has_due():
                await dispatcher()
        except (StoreUnavailable, RPCError, RuntimeError, TimeoutError) as error:
            _log.warning("orders that are due could not be dispatched; trying again", error=str(error))
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _BETWEEN_LOOKS)
