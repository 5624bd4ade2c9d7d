"""Sends messages to the orders' workflows: which message, with which deadline, and what a missing answer means."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from temporalio.client import Client

from api.http.temporal_calls import NoSuchWorkflow
from api.orders.canceling import Canceling, Cancellation
from api.orders.lookup import LOOK_WITHIN, Known, OrderLookup
from api.orders.starting import Starting
from api.orders.updates import Update, Updates
from domain.common.errors import EngineerUnavailable, IllegalTransition, Refusal, VisitUnavailable
from domain.installation import EngineerAct, EngineerAction
from domain.management_center.assignments import Assignment, ManualAssignment
from domain.orders import (
    Acknowledgement,
    CancelRequest,
    Message,
    Order,
    OrderStatus,
    RescheduleRequest,
    Subscription,
)


@dataclass(frozen=True)
class Started:
    """An order that was placed, by this request or (`replayed`) by an earlier one."""

    known: Known
    replayed: bool = False


class OrderWorkflowClient:
    """A client of the orders' workflows."""

    def __init__(self, client: Client, lookup: OrderLookup, starting: Starting) -> None:
        self._client = client
        self._lookup = lookup
        self._starting = starting
        self._updates = Updates(client)
        self._canceling = Canceling(client, lookup, self._updates)

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
        """Return the order as it was last known, for its owner and its region. Needs no worker.

        Raises:
            NotFound: no such order is known.
            Unavailable, StoreUnavailable: a source that may know does not answer.
        """
        return await self._lookup.fallback(order_id, within=LOOK_WITHIN)

    async def cancel(self, order_id: str, request: CancelRequest) -> Cancellation:
        """Cancel the order and its installation, as `Canceling.cancel`."""
        return await self._canceling.cancel(order_id, request)

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
            EngineerUnavailable, IllegalTransition, ChangedMeanwhile: the order refuses it.
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
            VisitUnavailable, IllegalTransition, ChangedMeanwhile: the order refuses it.
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
            raise _refusal_of_ended((await self._lookup.row(order_id)).order, update) from None
        if order.status.final:
            raise _refusal_of_ended(order, update)
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
            raise _refusal_of_ended(await self._lookup.final(order_id), update) from None


def _refusal_of_ended(order: Order, update: Update) -> Refusal:
    """Return the refusal of a decision about an order that has ended."""
    expected: int | None = getattr(update.argument, "expected_version", None)
    return order.refuse_other_version(expected) or IllegalTransition(f"the order is {order.status}")
