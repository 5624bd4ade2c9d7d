"""Assignment rounds: which engineer comes and when, until one accepts."""

from collections.abc import Callable, Mapping
from typing import Any

from temporalio import workflow

from domain.common.actors import SYSTEM
from domain.common.errors import EngineerUnavailable, IllegalTransition, Refusal, VisitUnavailable
from domain.installation import DECLINE_INSTALLATION, WITHDRAW_INSTALLATION, RecordAnswer
from domain.management_center.assignments import (
    ASSIGN_ENGINEER,
    CLOSE_ASSIGNMENT,
    AssignEngineer,
    Assignment,
    AssignmentOutcome,
    AssignmentRefusal,
    CloseAssignment,
    WhenNobody,
)
from domain.orders import AttentionReason, Event, OrderStatus
from domain.visits import instead_of
from workflows.common.process import Process
from workflows.common.steps import Step
from workflows.orders.decisions import ReassignmentRequest, Report
from workflows.orders.publication import Publication
from workflows.orders.state import OrderState

_ATTENTION_REASONS = {
    AssignmentRefusal.NO_SERVICE_AREA: AttentionReason.NO_SERVICE_AREA,
    AssignmentRefusal.NO_ENGINEER: AttentionReason.NO_ENGINEER,
    AssignmentRefusal.NO_CAPACITY: AttentionReason.NO_CAPACITY,
}
_SHOWS_A_NEW_REGION = "shows-a-new-region"
"""Patch: an order that is refused again after the service areas were redrawn gets a new version."""
_UNASSIGNED = (OrderStatus.JOIN_ORDERED, OrderStatus.AWAITING_ENGINEER)
_NO_ENGINEER: Mapping[str, Any] = {"engineer_id": None, "engineer_name": None, "visit": None}
"""Fields of an order without an engineer."""


class AssignmentRounds:
    """The assignment rounds of one order."""

    def __init__(self, state: OrderState, publication: Publication, process: Process) -> None:
        self._state = state
        self._publication = publication
        self._process = process

    async def assign(self) -> None:
        """Have an engineer of the region assigned and the visit booked, or wait until this is possible."""
        state = self._state
        request = state.pending_request
        if request is None and state.declines_exhausted and state.order.status is OrderStatus.AWAITING_ENGINEER:
            # A person's request was refused. Another round with `enough` set would choose nobody, and would miss the
            # capacity that has appeared meanwhile.
            await self._await_request()
            return
        outcome = await self._decide_round(request)
        if outcome.assignment is not None:
            self.take_assignment(outcome.assignment, request)
            return
        if request is not None:
            self._refuse_request(request, outcome)
        if outcome.refusal is not AssignmentRefusal.SUPERSEDED and not (request and request.personal):
            await self._await_engineer(outcome)

    async def reassign(self, request: ReassignmentRequest) -> None:
        """Have another round decided for an order that has or had an engineer."""
        outcome = await self._decide_round(request)
        if outcome.assignment is not None:
            self.take_assignment(outcome.assignment, request)
        elif request.personal or outcome.refusal in (AssignmentRefusal.SUPERSEDED, AssignmentRefusal.CLOSED):
            self._refuse_request(request, outcome)
        else:
            await self._lose_visit(request)

    async def exclude_engineer(self, declined: Report, event: Event) -> None:
        """Record that this engineer does not do the installation, so that the next one is asked."""
        await self._process.step(DECLINE_INSTALLATION, self.answer_of(declined))
        self._state.excluded_engineers.append(declined.engineer_id)
        self._state.consecutive_declines += 1
        self._state.cancel_report_deadline()
        self._publication.record(event, by=declined.by, detail=declined.reason, **_NO_ENGINEER)
        declined.settle()

    async def closed_elsewhere(self) -> None:
        """Ask for a manager: the order was reset to before its end, and its installation is already canceled."""
        self._state.reported_completion = None
        self._state.refuse_reports(IllegalTransition("the installation has been canceled"))
        region = self._state.order.region
        await self._await_engineer(AssignmentOutcome(refusal=AssignmentRefusal.CLOSED, region=region))

    def begin_closing(self) -> Step[CloseAssignment, None]:
        """Begin to release the window, for an order that has ended or is certain to end."""
        return self._process.begin(CLOSE_ASSIGNMENT, CloseAssignment(self._state.order.order_id))

    def answer_of(self, report: Report) -> RecordAnswer:
        """Return what the installation context records of an engineer's report."""
        order_id, now = self._state.order.order_id, workflow.now()
        return RecordAnswer(order_id, self._state.round, now, report.reason, report.note, report.serials)

    async def publish_and_wait(self, until: Callable[[], bool]) -> None:
        """Publish the order, and wait for a condition."""
        if not until():
            self._publication.publish()
        await self._process.wait(until)

    async def _decide_round(self, request: ReassignmentRequest | None) -> AssignmentOutcome:
        """Have the management center decide the next round, as requested or by its own choice."""
        state = self._state
        state.last_round += 1
        command_input = AssignEngineer(
            order_id=state.order.order_id,
            round=state.last_round,
            installation_address=state.order.installation_address,
            product_id=state.order.product_id,
            passed_over=state.excluded_engineers,
            by=request.by if request else SYSTEM,
            ordered_at=state.order.history[0].at,
            wanted=state.agreed_start,
            enough=state.declines_exhausted,
        )
        if request is not None and request.personal:
            command_input.engineer_id = request.engineer_id
            command_input.wanted = request.start or state.agreed_start
            command_input.exactly, command_input.otherwise = request.start is not None, WhenNobody.KEEP
        elif request is not None and state.order.status not in _UNASSIGNED:
            # The customer knows the time of the visit: the engineer may change, but not the window.
            command_input.exactly, command_input.otherwise = True, WhenNobody.RELEASE
        if command_input.exactly:
            command_input.keep, command_input.enough = state.order.engineer_id, False
        outcome = await self._process.step(ASSIGN_ENGINEER, command_input)
        # An order that was reset to an earlier round catches up with the rounds that were decided after it.
        state.last_round = max(state.last_round, outcome.round)
        return outcome

    def take_assignment(self, assignment: Assignment, request: ReassignmentRequest | None) -> None:
        """Apply a decided round to the order: its engineer and the time of the visit."""
        state, order, before = self._state, self._state.order, self._state.agreed_start
        state.assignment = assignment
        state.engineer_by_round[assignment.round] = assignment.engineer_id
        moved = assignment.visit is not None and (
            before not in (None, assignment.visit.start) or (request is not None and request.start is not None)
        )
        if order.status in _UNASSIGNED:
            event = Event.ORDER_ACCEPTED
        elif moved and order.engineer_id == assignment.engineer_id:
            event = Event.VISIT_RESCHEDULED
        else:
            event = Event.ENGINEER_REASSIGNED
        state.cancel_report_deadline()
        self._publication.clear_attention()
        self._publication.record(
            event,
            by=assignment.by,
            detail=assignment.reason,
            round_=assignment.round,
            region=assignment.region,
            visit=assignment.visit,
            engineer_id=assignment.engineer_id,
            engineer_name=assignment.engineer_name,
        )
        if moved and event is not Event.VISIT_RESCHEDULED:
            instead = instead_of(before) if before else None
            self._publication.record(Event.VISIT_RESCHEDULED, by=assignment.by, detail=instead)
        if assignment.visit is not None:
            state.agreed_start = assignment.visit.start
        if request is not None and request.start is not None:
            state.reschedules += 1
        pending = state.pending_request
        if pending is not None and (pending is request or pending.satisfied_by(assignment)):
            state.settle_request(pending)

    async def _await_engineer(self, outcome: AssignmentOutcome) -> None:
        """Ask for a manager, because nobody can be assigned, and wait until the management center reports capacity."""
        state, order = self._state, self._state.order
        reason, detail = self._reason_of(outcome)
        redrawn = order.region != outcome.region
        state.cancel_report_deadline()
        awaited = order.status is OrderStatus.AWAITING_ENGINEER and order.attention
        # Other regions in question are another question to the person.
        other_regions = bool(outcome.regions and awaited and awaited.detail != detail)
        if not awaited or awaited.reason != reason or other_regions:
            self._publication.record(Event.ENGINEER_AWAITED, detail=reason, region=outcome.region, **_NO_ENGINEER)
            self._publication.ask_for_attention(reason, detail, anew=other_regions)
        elif redrawn and workflow.patched(_SHOWS_A_NEW_REGION):
            self._publication.record(Event.ENGINEER_AWAITED, detail=reason, region=outcome.region, **_NO_ENGINEER)
        else:
            # Before this patch, an order published its new region only with its next event.
            order.region = outcome.region
        await self._await_request()

    def _reason_of(self, outcome: AssignmentOutcome) -> tuple[AttentionReason, str | None]:
        """Return why a person should look at an order without an engineer, and details."""
        if outcome.regions:
            return AttentionReason.AMBIGUOUS_ADDRESS, f"the address may be in {', '.join(outcome.regions)}"
        reason = AttentionReason.ORDER_CLOSED_ELSEWHERE
        if outcome.refusal is not None:
            unknown = AttentionReason(outcome.refusal.value) if not outcome.refusal.known else reason
            reason = _ATTENTION_REASONS.get(outcome.refusal, unknown)
        declines = self._state.consecutive_declines
        return reason, f"{declines} engineers have been asked" if self._state.declines_exhausted else None

    async def _await_request(self) -> None:
        """Wait for a manager, the customer, or new capacity. New capacity resets the count of declines."""
        state = self._state
        await self.publish_and_wait(lambda: state.pending_request is not None)
        if state.pending_request is not None and not state.pending_request.personal:
            state.consecutive_declines = 0

    def _refuse_request(self, request: ReassignmentRequest, outcome: AssignmentOutcome) -> None:
        """Answer a request that the management center refused. After `SUPERSEDED` it stays, to be decided again."""
        if outcome.refusal is AssignmentRefusal.SUPERSEDED:
            return
        refusal: Refusal | None = None
        if outcome.refusal is AssignmentRefusal.CLOSED:
            refusal = IllegalTransition("the order's assignment has been closed")
        elif request.engineer_id is not None:
            refusal = EngineerUnavailable("the engineer does not exist, is not active, or has no free window")
        elif request.start is not None:
            refusal = VisitUnavailable("the visit window is not free")
        self._state.settle_request(request, refusal)

    async def _lose_visit(self, request: ReassignmentRequest) -> None:
        """Give up the visit, because no other engineer can come at that time. The customer has to choose another."""
        reason = "the engineer cannot come"
        answer = RecordAnswer(self._state.order.order_id, self._state.round, workflow.now(), reason)
        await self._process.step(WITHDRAW_INSTALLATION, answer)
        self._state.cancel_report_deadline()
        self._publication.record(Event.VISIT_LOST, detail=reason, **_NO_ENGINEER)
        self._publication.ask_for_attention(AttentionReason.VISIT_LOST)
        self._state.settle_request(request)
