"""Sends messages to the orders' workflows: which message, with which deadline, and what a missing answer means."""

from dataclasses import dataclass, replace
from time import monotonic
from typing import Any
from uuid import uuid4

from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy

from api.http.errors import NoAnswerInTime, Unavailable
from api.http.temporal_calls import NoSuchWorkflow, temporal_call
from api.orders.lookup import LOOK_WITHIN, TELL_WITHIN, Known, OrderLookup
from api.orders.starting import Starting
from api.orders.updates import Update, Updates, refusal_in
from domain.common import contexts
from domain.common.errors import EngineerUnavailable, IllegalTransition, OrderCancelRejected, Refusal, VisitUnavailable
from domain.common.texts import PlainText
from domain.installation import EngineerAct, EngineerAction
from domain.management_center.assignments import Assignment, ManualAssignment
from domain.order_status import reconciliation
from domain.order_status.reconciliation import Reconciliation
from domain.orders import (
    Acknowledgement,
    CancelRequest,
    Message,
    Order,
    OrderStatus,
    RescheduleRequest,
    Subscription,
    workflow_id,
)

SIGNAL_WITHIN = 2.0
"""Seconds to send a cancel signal to the server."""
SIGNAL_GRACE = 0.5
"""Seconds by which the signal may exceed `CANCEL_WITHIN`."""
CANCEL_WITHIN = 3.5
"""Seconds from the request to the result of a cancel. A fallback lookup afterwards takes a moment more."""
LOOKUP_GRACE = 1.3
"""Seconds by which that lookup may exceed `CANCEL_WITHIN`: a cancel is answered within 5 seconds."""


@dataclass(frozen=True)
class Started:
    """An order that was placed, by this request or (`replayed`) by an earlier one."""

    known: Known
    replayed: bool = False


@dataclass(frozen=True)
class Cancellation:
    """A cancel that is durably recorded, and whether it is `done`."""

    known: Known
    done: bool


class OrderWorkflowClient:
    """A client of the orders' workflows."""

    def __init__(self, client: Client, lookup: OrderLookup, starting: Starting) -> None:
        self._client = client
        self._lookup = lookup
        self._starting = starting
        self._updates = Updates(client)

    async def start(self, subscription: Subscription, fingerprint: str) -> Started:
        """Place an order. If an earlier request has placed it, return its current state.

        Raises:
            IdempotencyKeyReused, Unavailable: as `Starting.start`.
            StoreUnavailable: an earlier request has placed it, and its current state is unknown.
        """
        if await self._starting.start(subscription, fingerprint):
            return Started(Known(subscription.order))
        return Started(await self._lookup.current(subscription.order.order_id), replayed=True)

    async def placed(self, order_id: str, fingerprint: str) -> Known | None:
        """Return the order if the same request has placed it before, otherwise None.

        Raises:
            IdempotencyKeyReused: a different request has placed it.
            Unavailable, StoreUnavailable: it is not known whether one has, or the order's state is unknown.
        """
        try:
            await self._starting.compare(order_id, fingerprint)
        except NoSuchWorkflow:
            return None
        return await self._lookup.current(order_id)

    async def expired(self, order_id: str) -> Order | None:
        """Return the order if it ended so long ago that Temporal has deleted it: its id would start a new one.

        Raises:
            Unavailable: Temporal does not tell whether it has deleted the order.
        """
        return await self._lookup.expired(order_id)

    async def get(self, order_id: str) -> Known:
        """Return the current order, or the last known state of it.

        Raises:
            NotFound: no such order is known.
            Unavailable, StoreUnavailable: a source that may know does not answer.
        """
        return await self._lookup.current(order_id)

    async def for_ownership(self, order_id: str) -> Known:
        """Return the order for its owner and region, which never change. Needs no worker; the rest may be stale.

        Raises:
            NotFound: no such order is known.
            Unavailable, StoreUnavailable: a source that may know does not answer.
        """
        return await self._lookup.fallback(order_id, within=LOOK_WITHIN)

    async def cancel(self, order_id: str, request: CancelRequest) -> Cancellation:
        """Cancel the order and its installation, by an update, or by a signal if no worker takes the update in time.

        Raises:
            NotFound: no such order is known.
            OrderCancelRejected: the order accepted a completion first.
            Unavailable, StoreUnavailable: it is not known whether the cancel was recorded.
        """
        deadline = monotonic() + CANCEL_WITHIN
        # Canceling is idempotent: a retry has the same id, and joins the first request.
        update = Update(Message.CANCEL, request, id=Message.CANCEL, result_type=Order)
        try:
            try:
                order = await self._cancel(order_id, update, deadline)
            except OrderCancelRejected:
                # An earlier request may have got this answer, and the completion may have failed since. While the
                # order does not change, every retry has the same second id, too.
                known = await self._lookup.from_workflow(order_id, within=_told_within(deadline))
                if known.status is OrderStatus.JOIN_COMPLETED:
                    raise
                order = await self._cancel(order_id, replace(update, id=f"{update.id}-{known.version}"), deadline)
        except NoSuchWorkflow:
            return await self._cancel_closed(order_id, request)
        except Unavailable:
            return await self._signal_cancel(order_id, request, deadline)
        if order is not None:
            return Cancellation(Known(order), done=True)
        current = await self._lookup.current(order_id, within=TELL_WITHIN / 2)
        return Cancellation(current, done=current.order.status is OrderStatus.ORDER_CANCELED)

    async def act(self, order_id: str, action: EngineerAction, details: EngineerAct) -> OrderStatus | None:
        """Send the order a decision or a report of its engineer.

        Args:
            order_id: The order.
            action: The kind of decision or report.
            details: The engineer, the round, and further details.

        Returns:
            None if the order has taken it; the final status of an order that has ended.

        Raises:
            NotFound: no such order is known.
            NotAssigned, IllegalTransition: the order refuses it.
            Unavailable, StoreUnavailable: it is not known whether the order has taken it.
        """
        update = Update(action, details, id=f"{action}-{details.round}-{details.engineer_id}")
        try:
            await self._updates.carry_out(order_id, update)
        except NoSuchWorkflow:
            return (await self._lookup.final(order_id)).status
        return None

    async def assign(self, order_id: str, wanted: ManualAssignment) -> Assignment:
        """Assign the order to the engineer whom a manager has named. It may be assigned to that engineer already.

        Raises:
            NotFound: no such order is known.
            EngineerUnavailable, IllegalTransition: the order refuses it.
            Unavailable, StoreUnavailable: it is not known whether the order has taken it.
        """
        assignment = await self._decide(
            order_id,
            Update(Message.ASSIGN_ENGINEER, wanted, id=wanted.engineer_id, result_type=Assignment),
            retriable=EngineerUnavailable,
        )
        if not isinstance(assignment, Assignment):
            raise IllegalTransition("no engineer is assigned to the order")
        return assignment

    async def reschedule(self, order_id: str, wanted: RescheduleRequest) -> Order:
        """Move the order to another visit window. It may be in that window already.

        Raises:
            NotFound: no such order is known.
            VisitUnavailable, IllegalTransition: the order refuses it.
            Unavailable, StoreUnavailable: it is not known whether the order has taken it.
        """
        update = Update(Message.RESCHEDULE, wanted, id=wanted.start.isoformat(), result_type=Order)
        order: Order = await self._decide(order_id, update, retriable=VisitUnavailable)
        return order

    async def acknowledge(self, order_id: str, acknowledgement: Acknowledgement) -> Order:
        """Record who takes care of an order that needs a person.

        Raises:
            NotFound: no such order is known.
            IllegalTransition: the order needs nobody.
            Unavailable, StoreUnavailable: it is not known whether the order has taken it.
        """
        update = Update(Message.ACKNOWLEDGE, acknowledgement, id=acknowledgement.by, result_type=Order)
        order: Order = await self._decide(order_id, update)
        return order

    async def _cancel(self, order_id: str, update: Update, deadline: float) -> Order | None:
        """Cancel by an update. Returns the canceled order, or None if it has not carried out the cancel in time.

        Raises:
            OrderCancelRejected: the order accepted a completion first.
            NoSuchWorkflow, Unavailable: the order has not taken the cancel.
        """
        cancel = await self._updates.send(order_id, update, within=_told_within(deadline))
        try:
            async with temporal_call(deadline - monotonic(), by_worker=True) as timeout:
                order: Order = await cancel.result(rpc_timeout=timeout)
                return order
        except Unavailable:
            return None
        except WorkflowUpdateFailedError as failure:
            raise refusal_in(failure) or NoAnswerInTime("the order did not accept the cancellation") from failure

    async def _signal_cancel(self, order_id: str, request: CancelRequest, deadline: float) -> Cancellation:
        """Cancel by a signal, which waits at the server for a worker."""
        try:
            # A request that was refused before has used more time by now, and is still answered within 5 seconds.
            async with temporal_call(min(SIGNAL_WITHIN, deadline - monotonic() + SIGNAL_GRACE)) as timeout:
                handle = self._client.get_workflow_handle(workflow_id(order_id))
                await handle.signal(Message.REQUEST_CANCEL, request, rpc_timeout=timeout)
        except NoSuchWorkflow:
            return await self._cancel_closed(order_id, request)
        left = max(deadline + LOOKUP_GRACE - monotonic(), 0) / 2
        return Cancellation(await self._lookup.fallback(order_id, within=left, record_within=left), done=False)

    async def _cancel_closed(self, order_id: str, request: CancelRequest) -> Cancellation:
        """Cancel an order whose workflow is closed."""
        order = await self._lookup.final(order_id)
        if order.status is OrderStatus.ORDER_CANCELED:
            return Cancellation(Known(order), done=True)
        if order.status.final or not order.status.known:
            raise OrderCancelRejected(f"the order has ended with status {order.status}")
        await self._start_reconciliation(order_id, request)
        return Cancellation(Known(order, stale=True), done=False)

    async def _start_reconciliation(self, order_id: str, request: CancelRequest) -> None:
        """Cancel what a workflow that was terminated or lost has left open, by a reconciliation of the order."""
        async with temporal_call(SIGNAL_WITHIN) as timeout:
            await self._client.start_workflow(
                reconciliation.WORKFLOW_TYPE,
                Reconciliation(only=order_id, cancel=request),
                id=f"{reconciliation.WORKFLOW_ID}-{order_id}",
                task_queue=contexts.ORDER_STATUS,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=PlainText("취소 · Cancels an order that has no running workflow"),
                rpc_timeout=timeout,
            )

    async def _decide(self, order_id: str, update: Update, *, retriable: type[Refusal] | None = None) -> Any:
        """Send an order a person's decision about its current state.

        Args:
            order_id: The order.
            update: The decision. Its id distinguishes it from other decisions about the same state of the order.
            retriable: A refusal whose cause may have gone by now.
        """
        try:
            order = await self._lookup.from_workflow(order_id)
        except NoSuchWorkflow:
            raise IllegalTransition(f"the order is {(await self._lookup.row(order_id)).order.status}") from None
        if order.status.final:
            raise IllegalTransition(f"the order is {order.status}")
        # The version distinguishes a retry from a new decision about an order that has changed since.
        update = replace(update, id=f"{update.name}-{order.version}-{update.id}")
        try:
            try:
                return await self._updates.carry_out(order_id, update)
            except Refusal as refusal:
                if retriable is None or not isinstance(refusal, retriable):
                    raise
                # This may be the stored answer of an earlier try, and its cause may have gone since.
                return await self._updates.carry_out(order_id, replace(update, id=f"{update.id}-{uuid4().hex}"))
        except NoSuchWorkflow:
            raise IllegalTransition(f"the order is {(await self._lookup.final(order_id)).status}") from None


def _told_within(deadline: float) -> float:
    """Return the seconds for a worker to answer, at most what is left of a cancel's deadline."""
    return min(TELL_WITHIN, deadline - monotonic())
