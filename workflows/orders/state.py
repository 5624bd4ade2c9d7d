"""All that a running order knows, and how decisions are written into it. Nothing here waits or asks anybody."""

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
"""An action of an engineer in a round: the same one again has the same outcome."""


@dataclass
class OrderState:
    """One order, what has been decided about it, and how far it may still be canceled."""

    order: Order
    policy: OrderPolicy
    cancellation: CancelRequest | None = None
    reported_completion: Report | None = None
    """The point of no return: once it is there, no cancel is taken any more."""

    assignment: Assignment | None = None
    """Of the round in force."""
    last_round: int = 0
    """Rounds that the management center has decided, or is deciding; those that it refused included."""
    engineer_by_round: dict[int, str] = field(default_factory=dict)
    reports: dict[ReportKey, Report] = field(default_factory=dict)
    pending_request: ReassignmentRequest | None = None
    """Until it is carried out."""
    reschedules: int = 0
    """How often the visit was moved for a customer or a manager."""
    late_assignments: int = 0
    """How often a manager has named an engineer since the history is long."""
    excluded_engineers: list[str] = field(default_factory=list)
    """Engineers who declined this order or did not answer."""
    consecutive_declines: int = 0
    """How many of them one after another, since somebody accepted or new capacity appeared."""
    agreed_start: datetime | None = None
    """The start of the window that was last agreed with the customer."""

    answer_by: datetime = UNSET
    """When the engineer of the round in force should have answered."""
    report_by: Deadline | None = None
    """When the visit should have been reported, once somebody has agreed to come."""
    closing_step: Step[CloseAssignment, None] | None = None
    """Begun before the end, where that is certain."""
    window_released: bool = True
    """No window is kept for an order that has been canceled."""

    @property
    def round(self) -> int:
        """The round in force; 0 before the first assignment."""
        return self.assignment.round if self.assignment else 0

    @property
    def cancel_rejected(self) -> bool:
        """A cancel has come too late before."""
        return any(entry.event == Event.ORDER_CANCEL_REJECTED for entry in self.order.history)

    @property
    def declines_exhausted(self) -> bool:
        """As many engineers have been asked as the policy allows."""
        return 0 < self.policy.rounds <= self.consecutive_declines

    @property
    def answer(self) -> Report | None:
        """What the engineer of the round in force has answered."""
        return self.report(EngineerAction.ACCEPT) or self.report(EngineerAction.DECLINE)

    @property
    def visit_reported(self) -> bool:
        """The engineer has said something about the visit that is not carried out yet."""
        return self.reported_completion is not None or any(
            map(self.unsettled, (EngineerAction.START, EngineerAction.INCOMPLETE))
        )

    @property
    def visit_overdue(self) -> bool:
        """The visit should have been reported by now, and nobody has been asked for yet."""
        attention = self.order.attention
        already_flagged = attention is not None and attention.reason == AttentionReason.VISIT_UNREPORTED
        return self.report_by is not None and self.report_by.passed and not already_flagged

    def actor(self, by: str) -> str:
        """Who it was, as the history says it."""
        return self.order.actor(bounded(by) or SYSTEM)

    def report(self, action: EngineerAction) -> Report | None:
        """What the engineer of the round in force has said of this kind."""
        return self.reports.get((action, self.round, self.engineer_by_round.get(self.round, "")))

    def unsettled(self, action: EngineerAction) -> Report | None:
        """The same, where it is still to be carried out."""
        report = self.report(action)
        return report if report is not None and not report.settled else None

    def key_of(self, action: EngineerAction, act: EngineerAct) -> ReportKey:
        """Under which an act is kept: one that names no round means the engineer's latest."""
        rounds = [round_ for round_, engineer_id in self.engineer_by_round.items() if engineer_id == act.engineer_id]
        return action, act.round or max(rounds, default=0), act.engineer_id

    def take_report(self, action: EngineerAction, act: EngineerAct) -> Report:
        """Write down what an engineer says, or find what was written down before."""
        return self.reports.setdefault(self.key_of(action, act), Report.of(act))

    def refuse_reports(self, refusal: Refusal) -> None:
        """Whatever engineers have said and is not carried out yet will not be."""
        for report in self.reports.values():
            report.settle(refusal)

    def take_request(self, request: ReassignmentRequest) -> ReassignmentRequest:
        """Write a request down, or join the same one. A person's goes before one of the management center."""
        if self.pending_request is None:
            self.pending_request = request
        elif not self.pending_request.personal and request.personal:
            self.pending_request.settle()
            self.pending_request = request
        return self.pending_request

    def settle_request(self, request: ReassignmentRequest, refusal: Refusal | None = None) -> None:
        """It has been carried out, or will not be; the next one may come."""
        request.settle(refusal)
        if self.pending_request is request:
            self.pending_request = None

    def cancel_report_deadline(self) -> None:
        """No visit is due to be reported."""
        if self.report_by is not None:
            self.report_by.cancel()
            self.report_by = None
