"""The API's way to the orders' workflows: which message, how long it is waited for, what its silence means."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any
from uuid import uuid4

from pydantic_core import to_json
from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateStage,
)
from temporalio.common import RawValue, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from api.errors import IdempotencyKeyReused, NoAnswerInTime, TemporalUnavailable, Unavailable
from api.known_orders import ANSWER_WITHIN, Known, KnownOrders
from api.temporal_calls import NoSuchWorkflow, asking_temporal, refusal_in
from domain import contexts
from domain.errors import EngineerUnavailable, IllegalTransition, OrderCancelRejected
from domain.installation import EngineerAct
from domain.management_center import Assignment, ManualAssignment
from domain.orders import CancelRequest, Order, OrderStatus, Subscription, workflow_id
from workflows import visibility

START_WITHIN = 2.4
"""Seconds from the request to the answer of `start_workflow`, the wait for a turn included."""
TURN_WITHIN = 2.0
"""Seconds that a request waits while as many starts as may be are in flight."""
SIGNAL_WITHIN = 2.0
"""Seconds for a cancel to be left with the server."""
CANCEL_WITHIN = 3.5
"""Seconds from the request to the result of a cancel; to find out what is known otherwise takes a moment more."""
CARRY_OUT_WITHIN = 4.0
"""Seconds for what an engineer or a manager says to be carried out."""
LONGEST_NAME = 60
"""Characters of the product's name in the workflow's summary, which is meant to have 400 bytes at most."""

FINGERPRINT = "fingerprint"
"""In the memo: tells a repeated request from another one with the same key."""


@dataclass(frozen=True)
class Started:
    """An order that has been taken, by this request or (`replayed`) by an earlier one."""

    known: Known
    replayed: bool = False


@dataclass(frozen=True)
class Cancellation:
    """A cancel that is recorded for good, and whether it is `done`."""

    known: Known
    done: bool


class Subscriptions:
    """Orders, as their workflows carry them."""

    def __init__(self, client: Client, known: KnownOrders, *, max_starts_in_flight: int) -> None:
        self._client = client
        self._known = known
        self._turns = asyncio.Semaphore(max_starts_in_flight)
        self.starts_in_flight = 0

    async def start(self, subscription: Subscription, fingerprint: str) -> Started:
        """Take an order: one durable write, which needs no worker.

        Args:
            subscription: The order, and the policy that it travels with.
            fingerprint: The same for a repeated request, and for no other.

        Raises:
            IdempotencyKeyReused: the order's id belongs to another request.
            Unavailable: it is not known whether the order was taken.
        """
        order = subscription.order
        deadline = monotonic() + START_WITHIN
        try:
            async with self._turn():
                await self._start(subscription, fingerprint, deadline - monotonic())
            return Started(Known(order))
        except WorkflowAlreadyStartedError:
            return Started(await self._replay(order.order_id, fingerprint), replayed=True)
        except Unavailable as error:
            error.order_id = order.order_id
            raise

    async def get(self, order_id: str) -> Known:
        """The order as it stands, or what is known of it.

        Raises:
            NotFound: nobody knows such an order.
            Unavailable, StoreUnavailable: who might know does not answer.
        """
        return await self._known.now(order_id)

    async def cancel(self, order_id: str, request: CancelRequest) -> Cancellation:
        """Cancel the order and its installation: an update first, a signal when no worker takes that in time.

        Raises:
            NotFound: nobody knows such an order.
            OrderCancelRejected: a completion was taken first.
            Unavailable, StoreUnavailable: it is not known whether the cancel was recorded.
        """
        deadline = monotonic() + CANCEL_WITHIN
        try:
            # Cancelling twice is cancelling once, so the update may have one id for good.
            cancel = await self._send(
                order_id, "cancel", request, update_id="cancel", result=Order, within=ANSWER_WITHIN
            )
        except NoSuchWorkflow:
            return await self._canceled(order_id)
        except Unavailable:
            return await self._leave_cancel(order_id, request)
        try:
            async with asking_temporal(deadline - monotonic()) as timeout:
                return Cancellation(Known(await cancel.result(rpc_timeout=timeout)), done=True)
        except NoSuchWorkflow:
            return await self._canceled(order_id)
        except Unavailable:
            known = await self._known.now(order_id, within=ANSWER_WITHIN / 2)
            return Cancellation(known, done=known.order.status is OrderStatus.ORDER_CANCELED)
        except WorkflowUpdateFailedError as failure:
            if refusal := refusal_in(failure):
                raise refusal from failure
            return await self._leave_cancel(order_id, request)

    async def act(self, order_id: str, act: str, said: EngineerAct) -> OrderStatus | None:
        """Tell the order that its engineer accepts, declines or has completed.

        Args:
            order_id: Which order.
            act: `accept`, `decline` or `complete`.
            said: By whom, and in which round they were asked.

        Returns:
            Nothing once the order has taken it; how the order has ended where it takes nothing any more.

        Raises:
            NotFound: nobody knows such an order.
            NotAssigned, IllegalTransition: the order refuses.
            Unavailable, StoreUnavailable: it is not known whether the order has taken it.
        """
        try:
            await self._carry_out(order_id, act, said, update_id=f"{act}-{said.round}-{said.engineer_id}")
        except NoSuchWorkflow:
            return (await self._known.ended(order_id)).status
        return None

    async def assign(self, order_id: str, wanted: ManualAssignment) -> Assignment:
        """Give the order to the engineer that a manager has chosen; it may be theirs already.

        Raises:
            NotFound: nobody knows such an order.
            EngineerUnavailable, IllegalTransition: the order refuses.
            Unavailable, StoreUnavailable: it is not known whether the order has taken it.
        """
        known = await self._known.now(order_id)
        if known.order.status.final:
            raise IllegalTransition(f"the order is {known.order.status}")
        if known.stale:
            raise NoAnswerInTime("nobody took the assignment in time")
        # The version tells a retry from a new decision about an order that has moved on since.
        retried = f"assign-{known.order.version}-{wanted.engineer_id}"
        try:
            return await self._assign(order_id, wanted, update_id=retried)
        except EngineerUnavailable:
            # That may be what a retry was answered before the engineer became available.
            return await self._assign(order_id, wanted, update_id=f"{retried}-{uuid4().hex}")

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(TURN_WITHIN):
                await self._turns.acquire()
        except TimeoutError as error:
            raise NoAnswerInTime("too many orders are being taken at once") from error
        self.starts_in_flight += 1
        try:
            yield
        finally:
            self.starts_in_flight -= 1
            self._turns.release()

    async def _start(self, subscription: Subscription, fingerprint: str, within: float) -> None:
        order = subscription.order
        try:
            async with asking_temporal(within) as timeout:
                await self._client.start_workflow(
                    "SubscriptionWorkflow",
                    _encoded(subscription),
                    id=workflow_id(order.order_id),
                    task_queue=contexts.ORDERS,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                    memo={FINGERPRINT: fingerprint},
                    search_attributes=visibility.first_attributes(order),
                    static_summary=f"가입신청 · {order.product_name[:LONGEST_NAME]}",
                    rpc_timeout=timeout,
                )
        except NoAnswerInTime as error:
            raise TemporalUnavailable("no word came of whether the order was taken") from error

    async def _replay(self, order_id: str, fingerprint: str) -> Known:
        try:
            async with asking_temporal(ANSWER_WITHIN) as timeout:
                taken = await self._handle(order_id).describe(rpc_timeout=timeout)
                known_as = await taken.memo_value(FINGERPRINT, None)
        except NoSuchWorkflow as error:
            raise NoAnswerInTime("the order with this key is being forgotten") from error
        if known_as != fingerprint:
            raise IdempotencyKeyReused("the key has been used with another body")
        return await self._known.now(order_id)

    async def _leave_cancel(self, order_id: str, request: CancelRequest) -> Cancellation:
        """A signal waits at the server until a worker comes."""
        try:
            async with asking_temporal(SIGNAL_WITHIN) as timeout:
                await self._handle(order_id).signal("request_cancel", request, rpc_timeout=timeout)
        except NoSuchWorkflow:
            return await self._canceled(order_id)
        return Cancellation(await self._known.otherwise(order_id), done=False)

    async def _canceled(self, order_id: str) -> Cancellation:
        order = await self._known.ended(order_id)
        if order.status is not OrderStatus.ORDER_CANCELED:
            raise OrderCancelRejected(f"the order has ended, and is {order.status}")
        return Cancellation(Known(order), done=True)

    async def _assign(self, order_id: str, wanted: ManualAssignment, *, update_id: str) -> Assignment:
        try:
            assignment = await self._carry_out(
                order_id, "assign_engineer", wanted, update_id=update_id, result=Assignment
            )
        except NoSuchWorkflow:
            order = await self._known.ended(order_id)
            raise IllegalTransition(f"the order is {order.status}") from None
        if not isinstance(assignment, Assignment):
            raise IllegalTransition("the order has no engineer")
        return assignment

    async def _carry_out(
        self,
        order_id: str,
        update: str,
        said: EngineerAct | ManualAssignment,
        *,
        update_id: str,
        result: type | None = None,
    ) -> Any:
        """What the order answers, once `run` has carried it out."""
        deadline = monotonic() + CARRY_OUT_WITHIN
        try:
            handle = await self._send(
                order_id, update, said, update_id=update_id, result=result, within=CARRY_OUT_WITHIN
            )
            async with asking_temporal(deadline - monotonic()) as timeout:
                return await handle.result(rpc_timeout=timeout)
        except WorkflowUpdateFailedError as failure:
            if refusal := refusal_in(failure):
                raise refusal from failure
            raise NoAnswerInTime("the order did not carry it out") from failure

    async def _send(
        self,
        order_id: str,
        update: str,
        said: CancelRequest | EngineerAct | ManualAssignment,
        *,
        update_id: str,
        result: type | None,
        within: float,
    ) -> WorkflowUpdateHandle[Any]:
        """Start an update, and wait until a worker has accepted it."""
        async with asking_temporal(within) as timeout:
            start = partial(
                self._handle(order_id).start_update,
                update,
                said,
                wait_for_stage=WorkflowUpdateStage.ACCEPTED,
                id=update_id,
                result_type=result,
                rpc_timeout=timeout,
            )
            try:
                return await start()
            except RPCError as error:
                # That is how the server refuses an update that meets the very close of its workflow.
                if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                    raise
                return await start()

    def _handle(self, order_id: str) -> WorkflowHandle[Any, Any]:
        return self._client.get_workflow_handle(workflow_id(order_id))


def _encoded(subscription: Subscription) -> RawValue:
    """What the SDK would make of it, only in a fifth of the time, and with Hangul as it is."""
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=to_json(subscription)))
