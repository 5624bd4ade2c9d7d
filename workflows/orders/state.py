"""State of a running order, and how decisions are recorded in it. Nothing here waits or calls another context."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.common.actors import SYSTEM
from domain.common.errors import Refusal
from domain.common.texts import bounded
from domain.common.times import UNSET
from domain.installation import EngineerAct, EngineerAction
from domain.management_center.assignments import Assignment, CloseAssignment
from domain.order_policy import OrderPolicy
from domain.orders import AttentionReason, CancelRequest, Event, Order
from workflows.common.deadlines import Deadline
from workflows.common.steps import Step
from workflows.orders.decisions import ReassignmentRequest, Report

ReportKey = tuple[EngineerAction, int, str]
"""Action, round and engineer. A repetition of the same action has the same outcome."""


@dataclass
class OrderState:
    """One order, and everything that has been decided about it."""

    order: Order
    policy: OrderPolicy
    cancellation: CancelRequest | None = None
    reported_completion: Report | None = None
    """Point of no return: once it is set, no cancel is accepted."""

    assignment: Assignment | None = None
    """Assignment of the current round."""
    last_round: int = 0
    """Last round that the management center has decided or is deciding, including rounds that it refused."""
    engineer_by_round: dict[int, str] = field(default_factory=dict)
    reports: dict[ReportKey, Report] = field(default_factory=dict)
    pending_request: ReassignmentRequest | None = None
    """Request for another round that is not carried out yet."""
    reschedules: int = 0
    """How often a customer or a manager has rescheduled the visit."""
    late_assignments: int = 0
    """How often managers have named an engineer since the history became long."""
    excluded_engineers: list[str] = field(default_factory=list)
    """Engineers who declined this order or did not answer."""
    consecutive_declines: int = 0
    """Number of declines in succession since an engineer accepted or new capacity appeared."""
    agreed_start: datetime | None = None
    """Start of the window that was last agreed with the customer."""

    answer_by: datetime = UNSET
    """Time by which the engineer of the current round has to answer."""
    report_by: Deadline | None = None
    """Deadline for the report of the visit, set once the engineer has accepted."""
    closing_step: Step[CloseAssignment, None] | None = None
    """Closing of the assignment, if it was begun before the order ended."""
    window_released: bool = True
    """Whether the window of a canceled order is free again."""

    @property
    def round(self) -> int:
        """Current round; 0 before the first assignment."""
        return self.assignment.round if self.assignment else 0

    @property
    def cancel_rejected(self) -> bool:
        """Whether an earlier cancel came too late."""
        return any(entry.event == Event.ORDER_CANCEL_REJECTED for entry in self.order.history)

    @property
    def declines_exhausted(self) -> bool:
        """Whether as many engineers have been asked as the policy allows."""
        return 0 < self.policy.rounds <= self.consecutive_declines

    @property
    def answer(self) -> Report | None:
        """Answer of the engineer of the current round."""
        return self.report(EngineerAction.ACCEPT) or self.report(EngineerAction.DECLINE)

    @property
    def visit_reported(self) -> bool:
        """Whether a report about the visit is not carried out yet."""
        return self.reported_completion is not None or any(
            map(self.unsettled, (EngineerAction.START, EngineerAction.INCOMPLETE))
        )

    @property
    def visit_overdue(self) -> bool:
        """Whether the report of the visit is overdue, and the order does not ask for attention because of it yet."""
        attention = self.order.attention
        already_flagged = attention is not None and attention.reason == AttentionReason.VISIT_UNREPORTED
        return self.report_by is not None and self.report_by.passed and not already_flagged

    def actor(self, by: str) -> str:
        """Return the actor for the history."""
        return self.order.actor(bounded(by) or SYSTEM)

    def report(self, action: EngineerAction) -> Report | None:
        """Return the report of this kind by the engineer of the current round."""
        return self.reports.get((action, self.round, self.engineer_by_round.get(self.round, "")))

    def unsettled(self, action: EngineerAction) -> Report | None:
        """Return the same report if it is not carried out yet."""
        report = self.report(action)
        return report if report is not None and not report.settled else None

    def key_of(self, action: EngineerAction, act: EngineerAct) -> ReportKey:
        """Return the key of an action. Without a round, it belongs to the engineer's latest round."""
        rounds = [round_ for round_, engineer_id in self.engineer_by_round.items() if engineer_id == act.engineer_id]
        return action, act.round or max(rounds, default=0), act.engineer_id

    def record_report(self, action: EngineerAction, act: EngineerAct) -> Report:
        """Record an engineer's report, or return the one that was recorded before."""
        return self.reports.setdefault(self.key_of(action, act), Report.of(act))

    def refuse_reports(self, refusal: Refusal) -> None:
        """Refuse all reports that are not carried out yet."""
        for report in self.reports.values():
            report.settle(refusal)

    def record_request(self, request: ReassignmentRequest) -> ReassignmentRequest:
        """Record a request, or join an equal one. A person's request replaces one of the management center."""
        if self.pending_request is None:
            self.pending_request = request
        elif not self.pending_request.personal and request.personal:
            self.pending_request.settle()
            self.pending_request = request
        return self.pending_request

    def settle_request(self, request: ReassignmentRequest, refusal: Refusal | None = None) -> None:
        """Mark a request as carried out or refused, so that the next one can be made."""
        request.settle(refusal)
        if self.pending_request is request:
            self.pending_request = None

    def cancel_report_deadline(self) -> None:
        """Stop the timer for the report of the visit."""
        if self.report_by is not None:
            self.report_by.cancel()
            self.report_by = None
