"""SubscriptionWorkflow: one order (가입신청), from the customer's wish to the finished installation."""

import asyncio
from datetime import timedelta

from temporalio import workflow

from domain.common.actors import SYSTEM
from domain.common.errors import IllegalTransition
from domain.installation import (
    ACCEPT_INSTALLATION,
    CANCEL_INSTALLATION,
    COMPLETE_INSTALLATION,
    INCOMPLETE_INSTALLATION,
    REQUEST_INSTALLATION,
    START_INSTALLATION,
    CancelInstallation,
    EngineerAction,
    InstallationStatus,
    RequestInstallation,
)
from domain.management_center.assignments import (
    RELEASE_ASSIGNMENT,
    AssignmentRefusal,
    CloseAssignment,
    ReleaseAssignment,
)
from domain.orders import WORKFLOW_TYPE, AttentionReason, CancelRequest, Event, Order, OrderStatus, Subscription
from workflows.common.deadlines import Deadline
from workflows.common.decisions import Report
from workflows.common.steps import Step
from workflows.orders.assignment import Rounds
from workflows.orders.saga import Interrupted

_FREES_THE_WINDOW = "cancel-frees-the-window"
"""Since visits are booked: a cancel is answered when the window is free, too."""
_FAILED_VISITS = 2
"""After so many a person should look at the order."""


@workflow.defn(name=WORKFLOW_TYPE)
class SubscriptionWorkflow(Rounds):
    """The saga of one order, and the only authority on it."""

    @workflow.init
    def __init__(self, subscription: Subscription) -> None:
        super().__init__(subscription)
        self.answer_by = workflow.now()
        self.closing: Step[CloseAssignment, None] | None = None

    @workflow.run
    async def run(self, subscription: Subscription) -> Order:  # noqa: ARG002 - `__init__` has taken it
        """Fulfil the order or undo it. The result is the order as it ended, however it ended."""
        projecting = asyncio.create_task(self.projector.run())
        try:
            await self.fulfil()
        except Interrupted:
            await self.compensate()
        self.show()
        await self.finish(self.closing or self.close_assignment(), shielded=True)
        self.freed = True
        await self.settled()
        projecting.cancel()
        return self.order

    async def fulfil(self) -> None:
        """Go from status to status until the order is complete."""
        while self.order.status is not OrderStatus.JOIN_COMPLETED:
            match self.order.status:
                case OrderStatus.JOIN_ORDERED | OrderStatus.AWAITING_ENGINEER:
                    await self.assign_engineer()
                case OrderStatus.ENGINEER_ASSIGNED:
                    await self.request_installation()
                case OrderStatus.INSTALLATION_REQUESTED:
                    await self.await_answer()
                case OrderStatus.AWAITING_RESCHEDULE:
                    await self.await_reschedule()
                case _:
                    await self.await_completion()

    async def assign_engineer(self) -> None:
        """The management centre assigns an engineer of the region and books the visit; or the order waits for one."""
        wish = self.wish
        if wish is None and self.enough and self.order.status is OrderStatus.AWAITING_ENGINEER:
            # A person's wish was refused. To ask again, for nobody, would be to miss what has become free meanwhile.
            await self.await_wish()
            return
        outcome = await self.decide_round(wish)
        if outcome.assignment is not None:
            self.take_assignment(outcome.assignment, wish)
            return
        if wish is not None:
            self.not_to_be_had(wish, outcome)
        if outcome.refusal is not AssignmentRefusal.SUPERSEDED and not (wish and wish.of_a_person):
            await self.await_engineer(outcome)

    async def request_installation(self) -> None:
        """The assigned engineer is sent an installation request."""
        order = self.order
        status = await self.step(
            REQUEST_INSTALLATION,
            RequestInstallation(
                order_id=order.order_id,
                round=self.round,
                engineer_id=order.engineer_id or "",
                engineer_name=order.engineer_name or "",
                installation_address=order.installation_address,
                customer_name=order.customer_name,
                contact_phone=order.contact_phone,
                product_name=order.product_name,
                visit=order.visit,
                region=order.region,
                customer_note=order.note,
                product_id=order.product_id,
            ),
        )
        if status is InstallationStatus.CANCELED:
            await self.closed_elsewhere()
        else:
            self.answer_by = workflow.now() + timedelta(seconds=self.policy.answer_within)
            if order.visit is not None:
                self.answer_by = min(self.answer_by, order.visit.start)
            self.record(Event.INSTALLATION_REQUESTED, detail=f"engineer:{order.engineer_id}")

    async def await_answer(self) -> None:
        """The engineer accepts, declines or stays silent; another engineer or visit may be wanted meanwhile."""
        silence = Deadline(self.answer_by, "응답 기한 · Time to answer")
        try:
            await self.pause(lambda: self.answer is not None or self.wish is not None or silence.passed)
        finally:
            silence.drop()
        if (accepted := self.report(EngineerAction.ACCEPT)) is not None:
            await self.accept_installation(accepted)
        elif (declined := self.report(EngineerAction.DECLINE)) is not None:
            await self.pass_over(declined, Event.INSTALLATION_DECLINED)
        elif self.wish is not None:
            await self.reassign(self.wish)
        else:
            engineer_id = self.asked[self.round]
            unanswered = Report(SYSTEM, engineer_id, reason="no answer in time")
            self.reports[EngineerAction.DECLINE, self.round, engineer_id] = unanswered
            await self.pass_over(unanswered, Event.INSTALLATION_UNANSWERED)

    async def accept_installation(self, accepted: Report) -> None:
        """The engineer will do it."""
        status = await self.step(ACCEPT_INSTALLATION, self.as_answer(accepted))
        if status is InstallationStatus.CANCELED:
            await self.closed_elsewhere()
        else:
            self.turned_down = 0
            self.record(Event.INSTALLATION_ACCEPTED, by=accepted.by)
            accepted.settle()
            if self.order.visit is not None and self.policy.report_within:
                due = self.order.visit.end + timedelta(seconds=self.policy.report_within)
                self.report_by = Deadline(due, "방문 결과 보고 기한 · Time to report the visit")

    async def await_completion(self) -> None:
        """The engineer comes, begins, and reports how it went; another engineer or visit may be wanted before."""
        await self.pause(lambda: self.visit_reported or self.wish is not None or self.visit_overdue)
        if (started := self.unsettled(EngineerAction.START)) is not None:
            await self.start(started)
        elif self.completion is not None:
            await self.complete(self.completion)
        elif (failed := self.unsettled(EngineerAction.INCOMPLETE)) is not None:
            await self.fail_visit(failed)
        elif self.wish is not None:
            await self.reassign(self.wish)
        else:
            self.ask_for_attention(AttentionReason.VISIT_UNREPORTED)

    async def start(self, started: Report) -> None:
        """The engineer is there."""
        status = await self.step(START_INSTALLATION, self.as_answer(started))
        if status is InstallationStatus.CANCELED:
            await self.closed_elsewhere()
        else:
            self.record(Event.INSTALLATION_STARTED, by=started.by)
            started.settle()

    async def complete(self, completion: Report) -> None:
        """Completion of the installation completes the order; nothing stops it any more."""
        self.clear_attention()
        answer = self.as_answer(completion)
        completing = self.begin(COMPLETE_INSTALLATION, answer)
        # Begun together they mostly end in one workflow task; and the order's end is certain by now.
        self.closing = self.close_assignment()
        status = await self.finish(completing, shielded=True)
        if status is InstallationStatus.CANCELED:
            await self.closed_elsewhere()
        else:
            self.order.install_completed_at = answer.at
            self.record(Event.INSTALLATION_COMPLETED, by=completion.by)
            self.record(Event.JOIN_COMPLETED)
            completion.settle()

    async def fail_visit(self, failed: Report) -> None:
        """The engineer could not do it: the order waits for another visit, and after the second time for a person."""
        status = await self.step(INCOMPLETE_INSTALLATION, self.as_answer(failed))
        if status is InstallationStatus.CANCELED:
            await self.closed_elsewhere()
            return
        await self.step(RELEASE_ASSIGNMENT, ReleaseAssignment(self.order.order_id, self.round))
        self.leave_visit()
        self.clear_attention()
        self.record(Event.INSTALLATION_INCOMPLETE, by=failed.by, detail=failed.reason)
        if sum(entry.event == Event.INSTALLATION_INCOMPLETE for entry in self.order.history) >= _FAILED_VISITS:
            self.ask_for_attention(AttentionReason.VISIT_FAILED, failed.reason)
        failed.settle()

    async def await_reschedule(self) -> None:
        """The visit has come to nothing: the customer or a manager says when the next one is to be."""
        await self.pause(lambda: self.wish is not None)
        if self.wish is not None:
            await self.reassign(self.wish)

    async def compensate(self) -> None:
        """Cancel the installation with the order, together, and free the visit's window."""
        cancellation = self.cancellation or CancelRequest()
        cancelled = IllegalTransition("the order is being cancelled")
        self.refuse_engineers(cancelled)
        if self.wish is not None:
            self.settle_wish(self.wish, cancelled)
        self.clear_attention()
        self.record(Event.CANCEL_ORDERED, by=cancellation.by, detail=cancellation.reason)
        self.show()
        if workflow.patched(_FREES_THE_WINDOW):
            self.freed, self.closing = False, self.close_assignment()
        order = self.order
        await self.step(
            CANCEL_INSTALLATION,
            CancelInstallation(
                order_id=order.order_id,
                installation_address=order.installation_address,
                customer_name=order.customer_name,
                contact_phone=order.contact_phone,
                product_name=order.product_name,
                reason=cancellation.reason,
                region=order.region,
                customer_note=order.note,
                product_id=order.product_id,
            ),
            shielded=True,
        )
        self.record(Event.INSTALLATION_CANCELED)
        self.record(Event.ORDER_CANCELED)

    @property
    def visit_reported(self) -> bool:
        """The engineer has said something about the visit that is not carried out yet."""
        return self.completion is not None or any(
            map(self.unsettled, (EngineerAction.START, EngineerAction.INCOMPLETE))
        )

    @property
    def visit_overdue(self) -> bool:
        """The visit should have been reported by now, and nobody has been asked for yet."""
        asked = self.order.attention is not None and self.order.attention.reason == AttentionReason.VISIT_UNREPORTED
        return self.report_by is not None and self.report_by.passed and not asked
