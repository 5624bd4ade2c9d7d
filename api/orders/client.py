"""The API's way to the orders' workflows: which message, how long it is waited for, what its silence means."""

from dataclasses import dataclass, replace
from time import monotonic
from typing import Any
from uuid import uuid4

from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy

from api.http.errors import NoAnswerInTime, Unavailable
from api.http.temporal_calls import NoSuchWorkflow, asking_temporal
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
"""Seconds for a cancel to be left with the server."""
SIGNAL_GRACE = 0.5
"""Seconds that this may go beyond `CANCEL_WITHIN`."""
CANCEL_WITHIN = 3.5
"""Seconds from the request to the result of a cancel; to find out what is known otherwise takes a moment more."""


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


class OrderWorkflowClient:
    """Orders, as their workflows carry them."""

    def __init__(self, client: Client, lookup: OrderLookup, starting: Starting) -> None:
        self._client = client
        self._lookup = lookup
        self._starting = starting
        self._updates = Updates(client)

    async def start(self, subscription: Subscription, fingerprint: str) -> Started:
        """Take an order, or find that an earlier request has placed it: then it is answered as it stands now.

        Raises:
            IdempotencyKeyReused, Unavailable: as `Starting.start`.
            StoreUnavailable: an earlier request has placed it, and nobody tells how it stands.
        """
        if await self._starting.start(subscription, fingerprint):
            return Started(Known(subscription.order))
        return Started(await self._lookup.current(subscription.order.order_id), replayed=True)

    async def placed(self, order_id: str, fingerprint: str) -> Known | None:
        """The order as it stands, where this request has placed it before.

        Raises:
            IdempotencyKeyReused: another request has.
            Unavailable, StoreUnavailable: it is not known whether one has, or how the order stands.
        """
        try:
            await self._starting.compare(order_id, fingerprint)
        except NoSuchWorkflow:
            return None
        return await self._lookup.current(order_id)

    async def expired(self, order_id: str) -> Order | None:
        """The order, where it has ended so long ago that Temporal has forgotten it: the same id would start another.

        Raises:
            Unavailable: Temporal does not tell whether it has.
        """
        return await self._lookup.expired(order_id)

    async def get(self, order_id: str) -> Known:
        """The order as it stands, or what is known of it.

        Raises:
            NotFound: nobody knows such an order.
            Unavailable, StoreUnavailable: who might know does not answer.
        """
        return await self._lookup.current(order_id)

    async def belonging(self, order_id: str) -> Known:
        """The order, for what never changes: whose it is, and where. Needs no worker; the rest may be stale.

        Raises:
            NotFound: nobody knows such an order.
            Unavailable, StoreUnavailable: who might know does not answer.
        """
        return await self._lookup.fallback(order_id, within=LOOK_WITHIN)

    async def cancel(self, order_id: str, request: CancelRequest) -> Cancellation:
        """Cancel the order and its installation: an update first, a signal when no worker takes that in time.

        Raises:
            NotFound: nobody knows such an order.
            OrderCancelRejected: a completion was taken first.
            Unavailable, StoreUnavailable: it is not known whether the cancel was recorded.
        """
        deadline = monotonic() + CANCEL_WITHIN
        # Canceling twice is canceling once: a retry has the same id, and joins the first request.
        update = Update(Message.CANCEL, request, id=Message.CANCEL, answer=Order)
        try:
            try:
                order = await self._cancel(order_id, update, deadline)
            except OrderCancelRejected:
                # An earlier request may have been answered so, and the completion may have come to nothing since.
                # While the order stays as it is, the second id is the same for every retry, too.
                known = await self._lookup.from_workflow(order_id, within=_told_within(deadline))
                if known.status is OrderStatus.JOIN_COMPLETED:
                    raise
                order = await self._cancel(order_id, replace(update, id=f"{update.id}-{known.version}"), deadline)
        except NoSuchWorkflow:
            return await self._canceled(order_id, request)
        except Unavailable:
            return await self._leave_cancel(order_id, request, deadline)
        if order is not None:
            return Cancellation(Known(order), done=True)
        now = await self._lookup.current(order_id, within=TELL_WITHIN / 2)
        return Cancellation(now, done=now.order.status is OrderStatus.ORDER_CANCELED)

    async def act(self, order_id: str, act: EngineerAction, said: EngineerAct) -> OrderStatus | None:
        """Tell the order what its engineer decides or reports.

        Args:
            order_id: Which order.
            act: What they say.
            said: By whom, and in which round they were asked.

        Returns:
            Nothing once the order has taken it; how the order has ended where it takes nothing any more.

        Raises:
            NotFound: nobody knows such an order.
            NotAssigned, IllegalTransition: the order refuses.
            Unavailable, StoreUnavailable: it is not known whether the order has taken it.
        """
        update = Update(act, said, id=f"{act}-{said.round}-{said.engineer_id}")
        try:
            await self._updates.carry_out(order_id, update)
        except NoSuchWorkflow:
            return (await self._lookup.final(order_id)).status
        return None

    async def assign(self, order_id: str, wanted: ManualAssignment) -> Assignment:
        """Give the order to the engineer that a manager has chosen; it may be theirs already.

        Raises:
            NotFound: nobody knows such an order.
            EngineerUnavailable, IllegalTransition: the order refuses.
            Unavailable, StoreUnavailable: it is not known whether the order has taken it.
        """
        assignment = await self._decide(
            order_id,
            Update(Message.ASSIGN_ENGINEER, wanted, id=wanted.engineer_id, answer=Assignment),
            passing=EngineerUnavailable,
        )
        if not isinstance(assignment, Assignment):
            raise IllegalTransition("the order has no engineer")
        return assignment

    async def reschedule(self, order_id: str, wanted: RescheduleRequest) -> Order:
        """Give the order another visit window; it may be its own already.

        Raises:
            NotFound: nobody knows such an order.
            VisitUnavailable, IllegalTransition: the order refuses.
            Unavailable, StoreUnavailable: it is not known whether the order has taken it.
        """
        update = Update(Message.RESCHEDULE, wanted, id=wanted.start.isoformat(), answer=Order)
        order: Order = await self._decide(order_id, update, passing=VisitUnavailable)
        return order

    async def acknowledge(self, order_id: str, said: Acknowledgement) -> Order:
        """Note who has taken on what a person is asked for.

        Raises:
            NotFound: nobody knows such an order.
            IllegalTransition: nobody is asked for.
            Unavailable, StoreUnavailable: it is not known whether the order has taken it.
        """
        order: Order = await self._decide(order_id, Update(Message.ACKNOWLEDGE, said, id=said.by, answer=Order))
        return order

    async def _cancel(self, order_id: str, update: Update, deadline: float) -> Order | None:
        """The canceled order, or nothing where the order has taken the cancel and has not carried it out in time.

        Raises:
            OrderCancelRejected: a completion was taken first.
            NoSuchWorkflow, Unavailable: the order has not taken it.
        """
        cancel = await self._updates.send(order_id, update, within=_told_within(deadline))
        try:
            async with asking_temporal(deadline - monotonic(), of_worker=True) as timeout:
                order: Order = await cancel.result(rpc_timeout=timeout)
                return order
        except Unavailable:
            return None
        except WorkflowUpdateFailedError as failure:
            raise refusal_in(failure) or NoAnswerInTime("the order did not take the cancel") from failure

    async def _leave_cancel(self, order_id: str, request: CancelRequest, deadline: float) -> Cancellation:
        """A signal waits at the server until a worker comes."""
        try:
            # Whoever was refused before has waited longer by now, and is still answered within 5 seconds.
            async with asking_temporal(min(SIGNAL_WITHIN, deadline - monotonic() + SIGNAL_GRACE)) as timeout:
                handle = self._client.get_workflow_handle(workflow_id(order_id))
                await handle.signal(Message.REQUEST_CANCEL, request, rpc_timeout=timeout)
        except NoSuchWorkflow:
            return await self._canceled(order_id, request)
        return Cancellation(await self._lookup.fallback(order_id), done=False)

    async def _canceled(self, order_id: str, request: CancelRequest) -> Cancellation:
        """Where no workflow takes the cancel any more."""
        order = await self._lookup.final(order_id)
        if order.status is OrderStatus.ORDER_CANCELED:
            return Cancellation(Known(order), done=True)
        if order.status.final or not order.status.known:
            raise OrderCancelRejected(f"the order has ended, and is {order.status}")
        await self._have_ended(order_id, request)
        return Cancellation(Known(order, stale=True), done=False)

    async def _have_ended(self, order_id: str, request: CancelRequest) -> None:
        """Its workflow was ended from outside, or is lost: what that has left open is canceled without it."""
        async with asking_temporal(SIGNAL_WITHIN) as timeout:
            await self._client.start_workflow(
                reconciliation.WORKFLOW_TYPE,
                Reconciliation(only=order_id, cancel=request),
                id=f"{reconciliation.WORKFLOW_ID}-{order_id}",
                task_queue=contexts.ORDER_STATUS,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=PlainText("취소 · Cancels an order that no workflow carries"),
                rpc_timeout=timeout,
            )

    async def _decide(self, order_id: str, update: Update, *, passing: type[Refusal] | None = None) -> Any:
        """Tell an order what people want of it now.

        Args:
            order_id: Which order.
            update: Its id tells this wish from others about the order as it stands.
            passing: A refusal whose cause may be gone by now.
        """
        try:
            order = await self._lookup.from_workflow(order_id)
        except NoSuchWorkflow:
            raise IllegalTransition(f"the order is {(await self._lookup.row(order_id)).order.status}") from None
        if order.status.final:
            raise IllegalTransition(f"the order is {order.status}")
        # The version tells a retry from a new decision about an order that has moved on since.
        update = replace(update, id=f"{update.name}-{order.version}-{update.id}")
        try:
            try:
                return await self._updates.carry_out(order_id, update)
            except Refusal as refusal:
                if passing is None or not isinstance(refusal, passing):
                    raise
                # That may be what a retry was answered before its cause had gone.
                return await self._updates.carry_out(order_id, replace(update, id=f"{update.id}-{uuid4().hex}"))
        except NoSuchWorkflow:
            raise IllegalTransition(f"the order is {(await self._lookup.final(order_id)).status}") from None


def _told_within(deadline: float) -> float:
    """Seconds for a worker to answer in: no more than are left of a cancel's."""
    return min(TELL_WITHIN, deadline - monotonic())
