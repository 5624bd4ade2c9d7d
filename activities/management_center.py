"""The management center's part in the saga, and its way to the orders that are to have an engineer decided anew."""

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
"""By the metrics."""
_BETWEEN_LOOKS = 60.0
"""Seconds between two looks whether orders are due."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ManagementCenterActivities:
    """Refusals are values; an exception is an outage, and the saga tries again."""

    store: ManagementCenterStore
    call_dispatcher: Callable[[], Awaitable[None]]

    @carries_out(ASSIGN_ENGINEER)
    async def assign_engineer(self, request: AssignEngineer) -> AssignmentOutcome:
        """Decide a round of asking, and book the visit."""
        outcome = await self.store.assign_engineer(request)
        _count(request, outcome)
        await self._dispatch()
        return outcome

    @carries_out(RELEASE_ASSIGNMENT)
    async def release_assignment(self, request: ReleaseAssignment) -> None:
        """Free the window of a round."""
        await self.store.release_assignment(request)
        await self._dispatch()

    @carries_out(CLOSE_ASSIGNMENT)
    async def close_assignment(self, request: CloseAssignment) -> None:
        """Free the order's window for good."""
        await self.store.close_assignment(request)
        await self._dispatch()

    @carries_out(ERASE_ASSIGNMENTS)
    async def erase(self, request: CustomersOrders) -> None:
        """Nobody is to know any more which customer has wanted it so."""
        await self.store.erase(request.order_ids)

    async def _dispatch(self) -> None:
        # Looked at again at each try: one that was killed may have written, and called nobody.
        if await self.store.has_due():
            await self.call_dispatcher()


@dataclass(frozen=True)
class DispatchActivities:
    """What `DispatchWorkflow` asks for."""

    store: ManagementCenterStore
    client: Client

    @carries_out(FIND_DUE)
    async def find_due(self, request: FindDue) -> list[Due]:
        """The orders to be told next."""
        return await self.store.find_due(request)

    @carries_out(TELL_ORDER)
    async def tell_order(self, due: Due) -> bool:
        """Have an order ask for another round, and wait until it has been decided."""
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
            # It has moved on by itself, or is about to.
            return True
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            return False
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            # It has ended, or was terminated: nobody else would free what is kept for it.
            await self.store.close_assignment(CloseAssignment(due.order_id))
        return True


def _count(request: AssignEngineer, outcome: AssignmentOutcome) -> None:
    counter = activity.metric_meter().create_counter(
        "assignments_total", "Assignment rounds that were decided, by round and outcome"
    )
    round_ = str(request.round) if request.round <= _ROUNDS_TOLD_APART else f"{_ROUNDS_TOLD_APART + 1} or later"
    counter.add(1, {"round": round_, "outcome": outcome.refusal or "ASSIGNED"})


def part(resources: Resources) -> Part:
    """The context's part in a worker process."""
    store = ManagementCenterStore(resources.database, resources.settings.booking_rules)
    dispatcher = partial(call_dispatcher, resources.client)
    return Part(
        [ManagementCenterActivities(store, dispatcher), DispatchActivities(store, resources.client)],
        partial(_look_for_due, store, dispatcher),
    )


async def _look_for_due(
    store: ManagementCenterStore, dispatcher: Callable[[], Awaitable[None]], stop: asyncio.Event
) -> None:
    """Time makes orders due, too; and whoever made one due may have been killed before calling the dispatcher."""
    while not stop.is_set():
        try:
            if await store.has_due():
                await dispatcher()
        except (StoreUnavailable, RPCError, RuntimeError, TimeoutError) as error:
            _log.warning("orders that are due could not be dispatched; trying again", error=str(error))
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _BETWEEN_LOOKS)
