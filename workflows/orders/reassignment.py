"""What managers, customers and the management centre want of a running order: another engineer, another visit.

One wish at a time; `run` has the next round decided by it.
"""

from temporalio import workflow

from domain.common.actors import MANAGER, SYSTEM
from domain.common.errors import EngineerUnavailable, IllegalTransition, Refusal, VisitUnavailable
from domain.installation import EngineerAction
from domain.management_center.assignments import Assignment, ManualAssignment
from domain.management_center.dispatch import Reconsider
from domain.orders import Message, Order, OrderStatus, RescheduleRequest, Subscription
from workflows.common.decisions import Wish, as_failure
from workflows.orders.acts import Acts
from workflows.orders.saga import bounded

_HELD = (OrderStatus.ENGINEER_ASSIGNED, OrderStatus.INSTALLATION_REQUESTED, OrderStatus.INSTALLATION_ACCEPTED)
"""An engineer has the order."""


class Wishes(Acts):
    """The wishes for another round."""

    def __init__(self, subscription: Subscription) -> None:
        super().__init__(subscription)
        self.rounds = 0
        """How many the management centre has decided, or is deciding; those that it refused included."""

    @workflow.update(name=Message.ASSIGN_ENGINEER)
    async def assign_by_hand(self, wanted: ManualAssignment = ManualAssignment()) -> Assignment | None:
        """A manager gives the order to an engineer, or takes it from one and gives it to another."""
        if not self._has_it(wanted):
            await self._wish(Wish(bounded(wanted.by) or MANAGER, wanted.engineer_id)).carried_out()
        return self.assignment

    @assign_by_hand.validator
    def validate_assignment(self, wanted: ManualAssignment = ManualAssignment()) -> None:
        """Until the completion or a cancel."""
        if not wanted.engineer_id or wanted.engineer_id != bounded(wanted.engineer_id):
            raise as_failure(EngineerUnavailable("there is no such engineer"))
        self._check_wish(Wish("", wanted.engineer_id))

    @workflow.update(name=Message.RESCHEDULE)
    async def reschedule(self, wanted: RescheduleRequest = RescheduleRequest()) -> Order:
        """Another visit window, with the same engineer where possible; the engineer is asked anew."""
        if not self._is_then(wanted):
            await self._wish(Wish(self.actor(wanted.by), start=wanted.start)).carried_out()
        return self.order

    @reschedule.validator
    def validate_reschedule(self, wanted: RescheduleRequest = RescheduleRequest()) -> None:
        """Until the visit has been done, or a cancel was taken."""
        if wanted.start.tzinfo is None:
            raise as_failure(VisitUnavailable("no visit window begins at a time without a zone"))
        self._check_wish(Wish("", start=wanted.start))

    @workflow.update(name=Message.RECONSIDER)
    async def reconsider(self, asked: Reconsider = Reconsider()) -> None:
        """Capacity has appeared for an order that waits, or its engineer will not be there at its visit."""
        if asked.round >= self.rounds:
            wish = self.wish or self._wish(Wish(SYSTEM))
            await workflow.wait_condition(lambda: wish.settled)

    @reconsider.validator
    def validate_reconsideration(self, asked: Reconsider = Reconsider()) -> None:  # noqa: ARG002 - as the update's
        """While nobody has the order; or before the engineer who has it has begun."""
        if self.wish is None:
            self._check_wish(Wish(""))
            begun = self.report(EngineerAction.START) or self.report(EngineerAction.INCOMPLETE)
            if self.order.status is OrderStatus.AWAITING_RESCHEDULE or begun:
                raise as_failure(IllegalTransition("the visit has begun"))

    def settle_wish(self, wish: Wish, refusal: Refusal | None = None) -> None:
        """It has been carried out, or will not be; the next one may come."""
        wish.settle(refusal)
        if self.wish is wish:
            self.wish = None

    def _wish(self, wish: Wish) -> Wish:
        """Write it down, or join the same one. Where only the management centre had one, a person's comes first."""
        if self.wish is None:
            self.wish = wish
        elif not self.wish.of_a_person and wish.of_a_person:
            self.wish.settle()
            self.wish = wish
        return self.wish

    def _check_wish(self, wish: Wish) -> None:
        if self.cancel_asked:
            raise as_failure(IllegalTransition("the order is being cancelled"))
        if self.completion is not None or self.order.status.final:
            raise as_failure(IllegalTransition("the installation has been completed"))
        if self.wish is not None and self.wish.of_a_person and not self.wish.same_as(wish):
            raise as_failure(IllegalTransition("the order is being given to another engineer, or to another time"))

    def _has_it(self, wanted: ManualAssignment) -> bool:
        holds = self.order.status in _HELD and self.order.engineer_id == wanted.engineer_id
        return holds and self.wish is None and not self._given_up()

    def _is_then(self, wanted: RescheduleRequest) -> bool:
        visit = self.order.visit
        return visit is not None and visit.start == wanted.start and self.wish is None and not self._given_up()

    def _given_up(self) -> bool:
        """The engineer who has the order has said that this visit comes to nothing."""
        return self.report(EngineerAction.DECLINE) is not None or self.report(EngineerAction.INCOMPLETE) is not None
