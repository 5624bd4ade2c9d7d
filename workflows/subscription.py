"""SubscriptionWorkflow: one order (가입신청), from the customer's wish to the finished installation."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow

from domain.errors import EngineerUnavailable, IllegalTransition, Refusal
from domain.installation import (
    ACCEPT_INSTALLATION,
    CANCEL_INSTALLATION,
    COMPLETE_INSTALLATION,
    DECLINE_INSTALLATION,
    REQUEST_INSTALLATION,
    Act,
    CancelInstallation,
    InstallationStatus,
    RecordAnswer,
    RequestInstallation,
)
from domain.management_center import (
    ASSIGN_ENGINEER,
    CLOSE_ASSIGNMENT,
    AssignEngineer,
    Assignment,
    AssignmentOutcome,
    AssignmentRefusal,
    CloseAssignment,
)
from domain.orders import (
    SYSTEM,
    WORKFLOW_TYPE,
    AttentionReason,
    CancelRequest,
    Event,
    Order,
    OrderStatus,
    Subscription,
)
from workflows.decisions import Decision
from workflows.messages import Messages
from workflows.saga import Interrupted
from workflows.steps import Step

_WHY_NOBODY = {
    AssignmentRefusal.NO_SERVICE_AREA: AttentionReason.NO_SERVICE_AREA,
    AssignmentRefusal.NO_ENGINEER: AttentionReason.NO_ENGINEER,
}


@workflow.defn(name=WORKFLOW_TYPE)
class SubscriptionWorkflow(Messages):
    """The saga of one order, and the only authority on it."""

    @workflow.init
    def __init__(self, subscription: Subscription) -> None:
        super().__init__(subscription)
        self.rounds = 0
        """How many the management centre has decided, those that it refused included."""
        self.passed_over: list[str] = []
        """Engineers who declined this order or did not answer."""
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
                case _:
                    await self.await_completion()

    async def assign_engineer(self) -> None:
        """The management centre assigns an engineer of the region; where it cannot, a manager is waited for."""
        wanted = self.reassignment
        outcome = await self.decide_round(wanted)
        if outcome.assignment is not None:
            self.take_assignment(outcome.assignment, Event.ORDER_ACCEPTED)
        elif wanted is not None:
            self.refuse_reassignment(wanted, outcome)
        elif outcome.refusal is not AssignmentRefusal.SUPERSEDED:
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
            ),
        )
        if status is InstallationStatus.CANCELED:
            await self.closed_elsewhere()
        else:
            self.answer_by = workflow.now() + timedelta(seconds=self.policy.answer_within)
            self.record(Event.INSTALLATION_REQUESTED, detail=f"engineer:{order.engineer_id}")

    async def await_answer(self) -> None:
        """The engineer accepts, declines or stays silent; a manager may give the order to another meanwhile."""
        time_left = max(self.answer_by - workflow.now(), timedelta())
        silence = asyncio.create_task(workflow.sleep(time_left, summary="응답 기한 · Time to answer"))
        try:
            await self.pause(lambda: self.answer is not None or self.reassignment is not None or silence.done())
        finally:
            silence.cancel()
        if (accepted := self.decision(Act.ACCEPT)) is not None:
            await self.accept_installation(accepted)
        elif (declined := self.decision(Act.DECLINE)) is not None:
            await self.pass_over(declined, Event.INSTALLATION_DECLINED)
        elif self.reassignment is not None:
            await self.reassign(self.reassignment)
        else:
            engineer_id = self.asked[self.round]
            unanswered = Decision(engineer_id, by=SYSTEM, reason="no answer in time")
            self.decisions[Act.DECLINE, self.round, engineer_id] = unanswered
            await self.pass_over(unanswered, Event.INSTALLATION_UNANSWERED)

    async def accept_installation(self, accepted: Decision) -> None:
        """The engineer will do it."""
        status = await self.step(ACCEPT_INSTALLATION, self.as_answer(accepted))
        if status is InstallationStatus.CANCELED:
            await self.closed_elsewhere()
        else:
            self.record(Event.INSTALLATION_ACCEPTED, by=accepted.by)
            accepted.settle()

    async def await_completion(self) -> None:
        """The engineer installs and reports completion, unless a manager gives the order to another."""
        await self.pause(lambda: self.completion is not None or self.reassignment is not None)
        if self.completion is not None:
            await self.complete(self.completion)
        elif self.reassignment is not None:
            await self.reassign(self.reassignment)

    async def complete(self, completion: Decision) -> None:
        """Completion of the installation completes the order; nothing stops it any more."""
        answer = self.as_answer(completion)
        completing = self.begin(COMPLETE_INSTALLATION, answer)
        # Begun together they mostly end in one workflow task; and the order's end is certain by now.
        self.closing = self.close_assignment()
        status = await self.finish(completing, shielded=True)
        if status is InstallationStatus.CANCELED:
            self.completion = None
            await self.closed_elsewhere()
        else:
            self.order.install_completed_at = answer.at
            self.record(Event.INSTALLATION_COMPLETED, by=completion.by)
            self.record(Event.JOIN_COMPLETED)
            completion.settle()

    async def compensate(self) -> None:
        """Cancel the installation with the order, together; `run` frees the engineer afterwards, as at every end."""
        cancellation = self.cancellation or CancelRequest()
        cancelled = IllegalTransition("the order is being cancelled")
        self.refuse_engineers(cancelled)
        if self.reassignment is not None:
            self.reassignment.settle(cancelled)
        self.clear_attention()
        self.record(Event.CANCEL_ORDERED, by=cancellation.by, detail=cancellation.reason)
        self.show()
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
            ),
            shielded=True,
        )
        self.record(Event.INSTALLATION_CANCELED)
        self.record(Event.ORDER_CANCELED)

    # --- rounds of asking ---------------------------------------------------------------------------------------------

    async def decide_round(self, wanted: Decision | None) -> AssignmentOutcome:
        """Ask the management centre for the next round: for the engineer a manager wants, or for its own choice."""
        self.rounds += 1
        outcome = await self.step(
            ASSIGN_ENGINEER,
            AssignEngineer(
                order_id=self.order.order_id,
                round=self.rounds,
                installation_address=self.order.installation_address,
                product_id=self.order.product_id,
                passed_over=self.passed_over,
                engineer_id=wanted.engineer_id if wanted else None,
                by=wanted.by if wanted else SYSTEM,
            ),
        )
        # An order that was reset to an earlier round catches up with what was decided after it.
        self.rounds = max(self.rounds, outcome.round)
        return outcome

    def close_assignment(self) -> Step[CloseAssignment, None]:
        """The order has ended, or will for certain: its engineer is to be free for others."""
        return self.begin(CLOSE_ASSIGNMENT, CloseAssignment(self.order.order_id))

    def take_assignment(self, assignment: Assignment, event: Event) -> None:
        """A round has been decided: the order is that engineer's now."""
        self.assignment = assignment
        self.asked[assignment.round] = assignment.engineer_id
        self.order.region = assignment.region
        self.order.engineer_id, self.order.engineer_name = assignment.engineer_id, assignment.engineer_name
        self.clear_attention()
        self.record(event, by=assignment.by, detail=assignment.reason)
        if self.reassignment is not None and self.reassignment.engineer_id == assignment.engineer_id:
            self.reassignment.settle()
            self.reassignment = None

    async def await_engineer(self, outcome: AssignmentOutcome) -> None:
        """Nobody can be assigned: a manager is asked for, and waited for."""
        reason = AttentionReason.ORDER_CLOSED_ELSEWHERE
        if outcome.refusal is not None:
            reason = _WHY_NOBODY.get(outcome.refusal, reason)
        self.order.region = outcome.region
        awaited = self.order.status is OrderStatus.AWAITING_ENGINEER and self.order.attention
        if not awaited or awaited.reason != reason:
            self.record(Event.ENGINEER_AWAITED, detail=reason)
            self.ask_for_attention(reason)
        await self.pause(lambda: self.reassignment is not None)

    async def closed_elsewhere(self) -> None:
        """An order that was set back to before its own end finds its installation canceled: a manager is asked for."""
        self.refuse_engineers(IllegalTransition("the installation has been canceled"))
        self.order.engineer_id = self.order.engineer_name = None
        await self.await_engineer(AssignmentOutcome(refusal=AssignmentRefusal.CLOSED, region=self.order.region))

    async def pass_over(self, decision: Decision, event: Event) -> None:
        """Write down that this engineer does not do it; the next one is to be asked."""
        await self.step(DECLINE_INSTALLATION, self.as_answer(decision))
        self.passed_over.append(decision.engineer_id)
        self.order.engineer_id = self.order.engineer_name = None
        self.record(event, by=decision.by, detail=decision.reason)
        decision.settle()

    async def reassign(self, wanted: Decision) -> None:
        """Give an order that an engineer has already to the one whom a manager wants."""
        outcome = await self.decide_round(wanted)
        if outcome.assignment is not None:
            self.take_assignment(outcome.assignment, Event.ENGINEER_REASSIGNED)
        else:
            self.refuse_reassignment(wanted, outcome)

    def refuse_reassignment(self, wanted: Decision, outcome: AssignmentOutcome) -> None:
        """The management centre will not have it, and the order goes on as it was; or it is to be asked again."""
        if outcome.refusal is AssignmentRefusal.SUPERSEDED:
            return
        self.reassignment = None
        if outcome.refusal is AssignmentRefusal.ENGINEER_UNAVAILABLE:
            wanted.settle(EngineerUnavailable("the engineer does not exist or is not active"))
        else:
            wanted.settle(IllegalTransition("the order's assignment has been closed"))

    def refuse_engineers(self, refusal: Refusal) -> None:
        """Whatever engineers have decided and is not carried out yet will not be."""
        for decision in self.decisions.values():
            decision.settle(refusal)

    def as_answer(self, decision: Decision) -> RecordAnswer:
        """What the installation context is to write down of a decision."""
        return RecordAnswer(self.order.order_id, self.round, workflow.now(), decision.reason)

    async def pause(self, until: Callable[[], bool]) -> None:
        """Show the order as it stands, and wait for people."""
        if not until():
            self.show()
        await self.wait(until)
