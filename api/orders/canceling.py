"""Cancels orders: by an update, or by a signal if no worker takes the update in time."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from time import monotonic

from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy

from api.http.errors import NoAnswerInTime, Unavailable
from api.http.temporal_calls import NoSuchWorkflow, temporal_call
from api.orders.lookup import TELL_WITHIN, Known, OrderLookup
from api.orders.updates import Update, Updates, refusal_in
from domain.common import contexts
from domain.common.errors import OrderCancelRejected
from domain.common.texts import PlainText
from domain.order_status import reconciliation
from domain.order_status.reconciliation import Reconciliation
from domain.orders import CancelRequest, Message, Order, OrderStatus, workflow_id

SIGNAL_WITHIN = 2.0
"""Seconds to send a cancel signal to the server."""
SIGNAL_GRACE = 0.5
"""Seconds by which the signal may exceed `CANCEL_WITHIN`."""
CANCEL_WITHIN = 3.5
"""Seconds from the request to the result of a cancel. A fallback lookup afterwards takes a moment more."""
LOOKUP_GRACE = 1.3
"""Seconds by which that lookup may exceed `CANCEL_WITHIN`: a cancel is answered within 5 seconds."""

CLOCK_TOLERANCE = 2.0
"""Seconds by which the clocks of this process and of Temporal may differ."""


@dataclass(frozen=True)
class Cancellation:
    """A cancel that is durably recorded, and whether it is `done`."""

    known: Known
    done: bool


class Canceling:
    """Cancels orders, whether a worker runs or not."""

    def __init__(self, client: Client, lookup: OrderLookup, updates: Updates) -> None:
        self._client = client
        self._lookup = lookup
        self._updates = updates

    async def cancel(self, order_id: str, request: CancelRequest) -> Cancellation:
        """Cancel the order and its installation, by an update, or by a signal if no worker takes the update in time.

        A request that expects a version is never a signal, because it could be outdated when a worker comes. For the
        same reason it expires: the server keeps an update for a worker that comes after the sender has given up.
        A repetition joins the first request, with its time: it may be refused when that has passed, and then repeated.

        Raises:
            NotFound: no such order is known.
            ChangedMeanwhile: the order has another version than the request expects, and is not canceled.
            OrderCancelRejected: the order accepted a completion first.
            Unavailable, StoreUnavailable: it is not known whether the cancel was recorded.
        """
        deadline = monotonic() + CANCEL_WITHIN
        # Canceling is idempotent: a retry has the same id, and joins the first request.
        conditional = request.expected_version is not None
        if conditional:
            request = replace(request, expires_at=_given_up_at())
        id_ = f"{Message.CANCEL}-if-{request.expected_version}" if conditional else Message.CANCEL
        update = Update(Message.CANCEL, request, id=id_, result_type=Order)
        try:
            try:
                order = await self._cancel(order_id, update, deadline)
            except OrderCancelRejected:
                if conditional:
                    raise
                # An earlier request may have got this answer, and the completion may have failed since. While the
                # order does not change, every retry has the same second id, too.
                known = await self._lookup.from_workflow(order_id, within=_told_within(deadline))
                if known.status is OrderStatus.JOIN_COMPLETED:
                    raise
                order = await self._cancel(order_id, replace(update, id=f"{update.id}-{known.version}"), deadline)
        except NoSuchWorkflow:
            return await self._cancel_closed(order_id, request)
        except Unavailable:
            if conditional:
                raise
            return await self._signal_cancel(order_id, request, deadline)
        if order is not None:
            return Cancellation(Known(order), done=True)
        left = _left(deadline)
        current = await self._lookup.current(order_id, within=min(TELL_WITHIN, left) / 2, in_all=left)
        return Cancellation(current, done=current.order.status is OrderStatus.ORDER_CANCELED)

    async def _cancel(self, order_id: str, update: Update, deadline: float) -> Order | None:
        """Cancel by an update. Returns the canceled order, or None if it has not carried out the cancel in time.

        Raises:
            ChangedMeanwhile, OrderCancelRejected: the order refuses the cancel.
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
        left = _left(deadline) / 2
        return Cancellation(await self._lookup.fallback(order_id, within=left, record_within=left), done=False)

    async def _cancel_closed(self, order_id: str, request: CancelRequest) -> Cancellation:
        """Cancel an order whose workflow is closed."""
        order = await self._lookup.final(order_id)
        if order.status is OrderStatus.ORDER_CANCELED:
            return Cancellation(Known(order), done=True)
        if changed := order.refuse_other_version(request.expected_version):
            raise changed
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


def _given_up_at() -> datetime:
    """Return when nobody waits any more for a worker to take a request that is sent now."""
    return datetime.now(UTC) + timedelta(seconds=TELL_WITHIN + CLOCK_TOLERANCE)


def _left(deadline: float) -> float:
    """Return the seconds until a cancel is answered, after its deadline has passed."""
    return max(deadline + LOOKUP_GRACE - monotonic(), 0)


def _told_within(deadline: float) -> float:
    """Return the seconds for a worker to answer, at most what is left of a cancel's deadline."""
    return min(TELL_WITHIN, deadline - monotonic())
