"""SubscriptionWorkflow: one order (가입신청), from the customer's request to the finished installation.

`run` tells the story; the handlers record decisions; `rules` says who may decide what and when; `assignment` and
`visit` carry out the steps.
"""

import asyncio
from collections.abc import Callable

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from domain.common import contexts
from domain.common.actors import MANAGER, SYSTEM
from domain.common.errors import IllegalTransition
from domain.common.seals import MALFORMED_MESSAGE
from domain.common.texts import bounded
from domain.installation import CANCEL_INSTALLATION, CancelInstallation, EngineerAct, EngineerAction
from domain.management_center.assignments import Assignment, ManualAssignment
from domain.management_center.dispatch import Reconsider
from domain.orders import (
    WORKFLOW_TYPE,
    Acknowledgement,
    AttentionReason,
    CancelRequest,
    Event,
    Message,
    Order,
    OrderStatus,
    RescheduleRequest,
    Subscription,
)
from workflows.common.decisions import as_failure, refuse
from workflows.common.process import Interrupted, Process
from workflows.orders import rules
from workflows.orders.assignment import AssignmentRounds
from workflows.orders.decisions import ReassignmentRequest
from workflows.orders.publication import Publication
from workflows.orders.state import OrderState
from workflows.orders.visit import Visit

_FREES_THE_WINDOW = "cancel-frees-the-window"
"""Patch: a cancel is answered only when the visit's window is free, too."""
_REFUSED_FOR_GOOD = "a-refused-completion-stays-refused"
"""Patch: a completion that was refused and is sent again is not the point of no return."""
_UNAVAILABLE = {
    contexts.MANAGEMENT_CENTER: AttentionReason.MANAGEMENT_CENTER_UNAVAILABLE,
    contexts.INSTALLATION: AttentionReason.INSTALLATION_UNAVAILABLE,
}


@workflow.defn(name=WORKFLOW_TYPE)
class SubscriptionWorkflow:
    """Saga of one order, and the only authority on its state."""

    @workflow.init
    def __init__(self, subscription: Subscription | None = None) -> None:
        subscription = subscription or Subscription()
        order, policy = subscription.order, subscription.policy
        self.state = OrderState(order, policy, agreed_start=order.preferred_visit, answer_by=workflow.now())
        self.publication = Publication(order, policy)
        self.process = Process(self, policy)
        self.assignment = AssignmentRounds(self.state, self.publication, self.process)
        self.visit = Visit(self.state, self.publication, self.process, self.assignment)

    @workflow.run
    async def run(self, subscription: Subscription | None = None) -> Order:
        """Fulfill the order or undo it. Returns the order as it ended."""
        if subscription is None:
            raise ApplicationError("there is no order in the input", type=MALFORMED_MESSAGE, non_retryable=True)
        projecting = asyncio.create_task(self.publication.projector.run())
        try:
            await self.fulfill()
        except Interrupted:
            await self.compensate()
        self.publication.publish()
        await self.process.finish(self.state.closing_step or self.assignment.begin_closing(), shielded=True)
        self.state.window_released = True
        await self.settled()
        projecting.cancel()
        return self.state.order

    async def fulfill(self) -> None:
        """Carry out the step of each status until the order is complete."""
        while self.state.order.status is not OrderStatus.JOIN_COMPLETED:
            match self.state.order.status:
                case OrderStatus.JOIN_ORDERED | OrderStatus.AWAITING_ENGINEER:
                    await self.assignment.assign()
                case OrderStatus.ENGINEER_ASSIGNED:
                    await self.visit.request()
                case OrderStatus.INSTALLATION_REQUESTED:
                    await self.visit.await_answer()
                case OrderStatus.AWAITING_RESCHEDULE:
                    await self.visit.await_reschedule()
                case _:
                    await self.visit.await_completion()

    async def compensate(self) -> None:
        """Cancel the order together with its installation, and release the visit's window."""
        state, order = self.state, self.state.order
        cancellation = state.cancellation or CancelRequest()
        refusal = IllegalTransition("the order is being canceled")
        state.refuse_reports(refusal)
        if state.pending_request is not None:
            state.settle_request(state.pending_request, refusal)
        self.publication.clear_attention()
        self.publication.record(Event.CANCEL_ORDERED, by=cancellation.by, detail=cancellation.reason)
        self.publication.publish()
        if workflow.patched(_FREES_THE_WINDOW):
            state.window_released, state.closing_step = False, self.assignment.begin_closing()
        request = CancelInstallation.of(order, cancellation.reason)
        await self.process.step(CANCEL_INSTALLATION, request, shielded=True)
        self.publication.record(Event.INSTALLATION_CANCELED)
        self.publication.record(Event.ORDER_CANCELED)

    async def settled(self) -> None:
        """Wait until the last state is projected (or given up) and every waiting handler has returned."""
        projector = self.publication.projector
        self.publication.publish()
        projector.close()
        await self.process.wait(lambda: projector.idle and workflow.all_handlers_finished(), shielded=True)

    @workflow.update(name=Message.CANCEL)
    async def cancel(self, request: CancelRequest = CancelRequest()) -> Order:
        """Cancel the order and its installation. Returns when both are canceled and the visit's window is free.

        The first cancel that comes too late is refused here, not by the validator, so that the refusal is recorded.
        """
        if not self._take_cancel(request):
            raise as_failure(rules.too_late_to_cancel())
        order, state = self.state.order, self.state
        await workflow.wait_condition(lambda: order.status is OrderStatus.ORDER_CANCELED and state.window_released)
        return order

    @cancel.validator
    def validate_cancel(self, request: CancelRequest = CancelRequest()) -> None:
        """Refuse a cancel of another version, and repeated late ones, without a trace. The handler records the first.

        The version is compared nowhere else: a worker of a release that does not know it replays the same history.
        """
        refuse(rules.refuse_cancel(self.state, self._now, request))

    @workflow.signal(name=Message.REQUEST_CANCEL)
    def request_cancel(self, request: CancelRequest = CancelRequest()) -> None:
        """Cancel without waiting for the outcome. The server keeps a signal even while no worker runs."""
        self._take_cancel(request)

    @property
    def cancel_requested(self) -> bool:
        """Whether a cancel was accepted, or Temporal's own cancellation request arrived in time."""
        if self.state.reported_completion is not None:
            return False
        return self.state.cancellation is not None or workflow.cancellation_reason() is not None

    def take_native_cancel(self) -> None:
        """Record Temporal's own cancellation request, as the Web UI's button sends it, like any other cancel."""
        reason = workflow.cancellation_reason()
        if reason is not None and self.state.cancellation is None:
            self._take_cancel(CancelRequest(by=SYSTEM, reason=reason or None))

    def step_stalls(self, context: str) -> Callable[[], None]:
        """Ask for attention while another context does not do its part."""
        return self.publication.ask_for_attention_until(_UNAVAILABLE[context])

    def _take_cancel(self, request: CancelRequest) -> bool:
        """Record a cancel, or that it came too late. Return whether it was accepted. A repetition changes nothing."""
        state, order = self.state, self.state.order
        by, reason = state.actor(request.by), bounded(request.reason)
        if state.reported_completion is not None and not state.cancel_rejected:
            if order.allows(Event.ORDER_CANCEL_REJECTED):
                self.publication.record(Event.ORDER_CANCEL_REJECTED, by=by, detail=reason)
                self.publication.publish()
            else:
                # An earlier release mistook a repeated refused completion for a new one, and got stuck here.
                state.reported_completion = None
        if state.reported_completion is None:
            state.cancellation = state.cancellation or CancelRequest(by, reason)
        return state.reported_completion is None

    @workflow.update(name=EngineerAction.ACCEPT)
    async def accept(self, act: EngineerAct = EngineerAct()) -> None:
        """The engineer accepts the installation."""
        await self.state.record_report(EngineerAction.ACCEPT, act).carried_out()

    @accept.validator
    def validate_accept(self, act: EngineerAct = EngineerAct()) -> None:
        """Only the engineer of the current round, and only once."""
        self._validate(EngineerAction.ACCEPT, act)

    @workflow.update(name=EngineerAction.DECLINE)
    async def decline(self, act: EngineerAct = EngineerAct()) -> None:
        """The engineer declines the installation."""
        await self.state.record_report(EngineerAction.DECLINE, act).carried_out()

    @decline.validator
    def validate_decline(self, act: EngineerAct = EngineerAct()) -> None:
        """Only the engineer of the current round, before any answer."""
        self._validate(EngineerAction.DECLINE, act)

    @workflow.update(name=EngineerAction.START)
    async def report_start(self, act: EngineerAct = EngineerAct()) -> None:
        """The engineer reports that they are on site and begin."""
        await self.state.record_report(EngineerAction.START, act).carried_out()

    @report_start.validator
    def validate_start(self, act: EngineerAct = EngineerAct()) -> None:
        """Only the engineer who has accepted."""
        self._validate(EngineerAction.START, act)

    @workflow.update(name=EngineerAction.COMPLETE)
    async def report_completion(self, act: EngineerAct = EngineerAct()) -> None:
        """The engineer reports completion: the point of no return."""
        completion = self.state.record_report(EngineerAction.COMPLETE, act)
        if self.state.reported_completion is None and not (completion.settled and workflow.patched(_REFUSED_FOR_GOOD)):
            self.state.reported_completion = completion
        await completion.carried_out()

    @report_completion.validator
    def validate_completion(self, act: EngineerAct = EngineerAct()) -> None:
        """Only the engineer who has accepted."""
        self._validate(EngineerAction.COMPLETE, act)

    @workflow.update(name=EngineerAction.INCOMPLETE)
    async def report_failure(self, act: EngineerAct = EngineerAct()) -> None:
        """The engineer reports that the installation could not be done at this visit."""
        await self.state.record_report(EngineerAction.INCOMPLETE, act).carried_out()

    @report_failure.validator
    def validate_failure(self, act: EngineerAct = EngineerAct()) -> None:
        """Only the engineer who has accepted and has not reported completion."""
        self._validate(EngineerAction.INCOMPLETE, act)

    @workflow.update(name=Message.ASSIGN_ENGINEER)
    async def assign_by_hand(self, choice: ManualAssignment = ManualAssignment()) -> Assignment | None:
        """Assign the engineer that a manager chose, also instead of the current one."""
        if not rules.held_by(self.state, choice.engineer_id):
            request = ReassignmentRequest(bounded(choice.by) or MANAGER, choice.engineer_id)
            if self._now.history_is_long and not rules.joins(self.state, request):
                self.state.late_assignments += 1
            await self.state.record_request(request).carried_out()
        return self.state.assignment

    @assign_by_hand.validator
    def validate_assignment(self, choice: ManualAssignment = ManualAssignment()) -> None:
        """Possible until the completion or a cancel."""
        refuse(rules.refuse_assignment(self.state, self._now, choice.engineer_id, choice.expected_version))

    @workflow.update(name=Message.RESCHEDULE)
    async def reschedule(self, request: RescheduleRequest = RescheduleRequest()) -> Order:
        """Move the visit to another window, with the same engineer if possible. The engineer is asked again."""
        if not rules.visited_at(self.state, request.start):
            pending = ReassignmentRequest(self.state.actor(request.by), start=request.start)
            await self.state.record_request(pending).carried_out()
        return self.state.order

    @reschedule.validator
    def validate_reschedule(self, request: RescheduleRequest = RescheduleRequest()) -> None:
        """Possible until the completion or a cancel."""
        refuse(rules.refuse_reschedule(self.state, self._now, request.start, request.expected_version))

    @workflow.update(name=Message.RECONSIDER)
    async def reconsider(self, request: Reconsider = Reconsider()) -> None:
        """Decide again: capacity has appeared for a waiting order, or its engineer is not available for the visit."""
        if request.round >= self.state.last_round:
            pending = self.state.pending_request or self.state.record_request(ReassignmentRequest(SYSTEM))
            await workflow.wait_condition(lambda: pending.settled)

    @reconsider.validator
    def validate_reconsideration(self, request: Reconsider = Reconsider()) -> None:  # noqa: ARG002 - as the update's
        """Possible until the engineer of the order has begun the visit."""
        refuse(rules.refuse_reconsideration(self.state, self._now))

    @workflow.update(name=Message.ACKNOWLEDGE)
    async def acknowledge(self, acknowledgement: Acknowledgement = Acknowledgement()) -> Order:
        """A manager acknowledges the request for attention."""
        self.publication.acknowledge_attention(bounded(acknowledgement.by) or MANAGER)
        return self.state.order

    @acknowledge.validator
    def validate_acknowledgement(self, acknowledgement: Acknowledgement = Acknowledgement()) -> None:  # noqa: ARG002
        """Possible while the order asks for attention and has not ended."""
        refuse(rules.refuse_acknowledgement(self.state, self._now))

    @workflow.query(name=Message.ORDER)
    def current_order(self) -> Order:
        """Return the current order."""
        return self.state.order

    @property
    def _now(self) -> rules.Moment:
        return rules.Moment(self.cancel_requested, workflow.info().is_continue_as_new_suggested(), workflow.now())

    def _validate(self, action: EngineerAction, act: EngineerAct) -> None:
        refuse(rules.refuse_action(self.state, self._now, action, act))
