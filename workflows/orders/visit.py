"""Visit of the engineer: requested, accepted or declined, begun, and reported."""

from datetime import timedelta

from temporalio import workflow

from domain.common.actors import SYSTEM
from domain.installation import (
    ACCEPT_INSTALLATION,
    COMPLETE_INSTALLATION,
    INCOMPLETE_INSTALLATION,
    REQUEST_INSTALLATION,
    START_INSTALLATION,
    EngineerAction,
    InstallationStatus,
    RequestInstallation,
)
from domain.management_center.assignments import RELEASE_ASSIGNMENT, ReleaseAssignment
from domain.orders import AttentionReason, Event
from workflows.common.deadlines import Deadline
from workflows.common.process import Process
from workflows.orders.assignment import AssignmentRounds
from workflows.orders.decisions import Report
from workflows.orders.publication import Publication
from workflows.orders.state import OrderState

_FAILED_VISITS = 2
"""Number of failed visits after which the order asks for attention."""


class Visit:
    """The steps between an assignment and the end of the installation.

    If the installation turns out to be canceled although the order is not (it was reset), a manager is asked for.
    """

    def __init__(
        self, state: OrderState, publication: Publication, process: Process, assignment: AssignmentRounds
    ) -> None:
        self._state = state
        self._publication = publication
        self._process = process
        self._assignment = assignment

    async def request(self) -> None:
        """Send an installation request to the assigned engineer."""
        state, order = self._state, self._state.order
        status = await self._process.step(REQUEST_INSTALLATION, RequestInstallation.of(order, state.round))
        if status is InstallationStatus.CANCELED:
            await self._assignment.closed_elsewhere()
            return
        state.answer_by = workflow.now() + timedelta(seconds=state.policy.answer_within)
        if order.visit is not None:
            state.answer_by = min(state.answer_by, order.visit.start)
        self._publication.record(Event.INSTALLATION_REQUESTED, detail=f"engineer:{order.engineer_id}")

    async def await_answer(self) -> None:
        """Wait until the engineer accepts, declines or stays silent, or another engineer or visit is requested."""
        state = self._state
        silence = Deadline(state.answer_by, "응답 기한 · Time to answer")
        try:
            await self._assignment.publish_and_wait(
                lambda: state.answer is not None or state.pending_request is not None or silence.passed
            )
        finally:
            silence.cancel()
        if (accepted := state.report(EngineerAction.ACCEPT)) is not None:
            await self._accept(accepted)
        elif (declined := state.report(EngineerAction.DECLINE)) is not None:
            await self._assignment.exclude_engineer(declined, Event.INSTALLATION_DECLINED)
        elif state.pending_request is not None:
            await self._assignment.reassign(state.pending_request)
        else:
            engineer_id = state.engineer_by_round[state.round]
            unanswered = Report(SYSTEM, engineer_id, reason="no answer in time")
            state.reports[EngineerAction.DECLINE, state.round, engineer_id] = unanswered
            await self._assignment.exclude_engineer(unanswered, Event.INSTALLATION_UNANSWERED)

    async def await_completion(self) -> None:
        """Wait for the engineer's reports about the visit, or until another engineer or visit is requested."""
        state = self._state
        await self._assignment.publish_and_wait(
            lambda: state.visit_reported or state.pending_request is not None or state.visit_overdue
        )
        if (started := state.unsettled(EngineerAction.START)) is not None:
            await self._start(started)
        elif state.reported_completion is not None:
            await self._complete(state.reported_completion)
        elif (failed := state.unsettled(EngineerAction.INCOMPLETE)) is not None:
            await self._fail(failed)
        elif state.pending_request is not None:
            await self._assignment.reassign(state.pending_request)
        else:
            self._publication.ask_for_attention(AttentionReason.VISIT_UNREPORTED)

    async def await_reschedule(self) -> None:
        """Wait until the customer or a manager chooses the next visit, after one that failed or was lost."""
        state = self._state
        await self._assignment.publish_and_wait(lambda: state.pending_request is not None)
        if state.pending_request is not None:
            await self._assignment.reassign(state.pending_request)

    async def _accept(self, accepted: Report) -> None:
        state = self._state
        status = await self._process.step(ACCEPT_INSTALLATION, self._assignment.answer_of(accepted))
        if status is InstallationStatus.CANCELED:
            await self._assignment.closed_elsewhere()
            return
        state.consecutive_declines = 0
        self._publication.record(Event.INSTALLATION_ACCEPTED, by=accepted.by)
        accepted.settle()
        if state.order.visit is not None and state.policy.report_within:
            due = state.order.visit.end + timedelta(seconds=state.policy.report_within)
            state.report_by = Deadline(due, "방문 결과 보고 기한 · Time to report the visit")

    async def _start(self, started: Report) -> None:
        status = await self._process.step(START_INSTALLATION, self._assignment.answer_of(started))
        if status is InstallationStatus.CANCELED:
            await self._assignment.closed_elsewhere()
            return
        self._publication.record(Event.INSTALLATION_STARTED, by=started.by)
        started.settle()

    async def _complete(self, completion: Report) -> None:
        """Complete the installation and with it the order. Nothing interrupts this."""
        self._publication.clear_attention()
        answer = self._assignment.answer_of(completion)
        completing = self._process.begin(COMPLETE_INSTALLATION, answer)
        # Begun together, both mostly end in one workflow task. The end of the order is certain now.
        self._state.closing_step = self._assignment.begin_closing()
        status = await self._process.finish(completing, shielded=True)
        if status is InstallationStatus.CANCELED:
            await self._assignment.closed_elsewhere()
            return
        self._publication.record(Event.INSTALLATION_COMPLETED, by=completion.by, install_completed_at=answer.at)
        self._publication.record(Event.JOIN_COMPLETED)
        completion.settle()

    async def _fail(self, failed: Report) -> None:
        """Record a failed visit. The order waits for another one, and from the second failure on asks for attention."""
        state = self._state
        status = await self._process.step(INCOMPLETE_INSTALLATION, self._assignment.answer_of(failed))
        if status is InstallationStatus.CANCELED:
            await self._assignment.closed_elsewhere()
            return
        await self._process.step(RELEASE_ASSIGNMENT, ReleaseAssignment(state.order.order_id, state.round))
        state.cancel_report_deadline()
        self._publication.clear_attention()
        self._publication.record(Event.INSTALLATION_INCOMPLETE, by=failed.by, detail=failed.reason, visit=None)
        if sum(entry.event == Event.INSTALLATION_INCOMPLETE for entry in state.order.history) >= _FAILED_VISITS:
            self._publication.ask_for_attention(AttentionReason.VISIT_FAILED, failed.reason)
        failed.settle()
