"""What customers and managers say to a running order, and what it tells of itself.

A cancel is refused by its handler, not by a validator, so that the refusal is recorded.
"""

from dataclasses import replace

from temporalio import workflow

from domain.common.actors import MANAGER
from domain.common.errors import IllegalTransition, OrderCancelRejected
from domain.orders import Acknowledgement, CancelRequest, Event, Message, Order, OrderStatus
from workflows.common.decisions import as_failure
from workflows.orders.reassignment import Wishes
from workflows.orders.saga import bounded


class Messages(Wishes):
    """All that can be said to one order."""

    @workflow.update(name=Message.CANCEL)
    async def cancel(self, request: CancelRequest = CancelRequest()) -> Order:
        """Cancel the order and its installation; answered when both are cancelled, and the visit's window is free."""
        if not self.take_cancel(request):
            raise as_failure(OrderCancelRejected("the installation has been completed"))
        await workflow.wait_condition(lambda: self.order.status is OrderStatus.ORDER_CANCELED and self.freed)
        return self.order

    @workflow.signal(name=Message.REQUEST_CANCEL)
    def request_cancel(self, request: CancelRequest = CancelRequest()) -> None:
        """The same, when nobody waits for the answer: a server keeps a signal while no worker lives."""
        self.take_cancel(request)

    @workflow.update(name=Message.ACKNOWLEDGE)
    async def acknowledge(self, said: Acknowledgement = Acknowledgement()) -> Order:
        """A manager takes on what a person is asked for."""
        by = bounded(said.by) or MANAGER
        attention = self.order.attention
        if attention is not None and attention.acknowledged_by != by:
            self.order.attention = replace(attention, acknowledged_by=by, acknowledged_at=workflow.now())
            self.record(Event.ATTENTION_ACKNOWLEDGED, by=by, detail=attention.reason)
            self.show()
        return self.order

    @acknowledge.validator
    def validate_acknowledgement(self, said: Acknowledgement = Acknowledgement()) -> None:  # noqa: ARG002
        """While a person is asked for, and the order has not ended."""
        if self.order.attention is None or self.order.status.final:
            raise as_failure(IllegalTransition("nobody is asked for"))

    @workflow.query(name=Message.ORDER)
    def ask_order(self) -> Order:
        """The order as it stands."""
        return self.order
