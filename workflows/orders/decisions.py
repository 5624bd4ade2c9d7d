"""Decisions about a running order: engineers' reports and requests for another round."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.common.texts import bounded
from domain.installation import EngineerAct
from domain.management_center.assignments import Assignment
from workflows.common.decisions import Decision

_MOST_SERIALS = 50


@dataclass
class Report(Decision):
    """Report of the engineer of a round."""

    engineer_id: str
    reason: str | None = None
    note: str | None = None
    serials: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, act: EngineerAct) -> "Report":
        """Create a report from an engineer's message. Texts and lists are cut to their limits."""
        return cls(
            bounded(act.by) or f"engineer:{act.engineer_id}",
            act.engineer_id,
            bounded(act.reason),
            bounded(act.note),
            [serial for each in act.serials[:_MOST_SERIALS] if (serial := bounded(each))],
        )


@dataclass
class ReassignmentRequest(Decision):
    """Request to decide the next round.

    A manager's request names an engineer. A request for another visit names the start of its window. A request of the
    management center names neither.
    """

    engineer_id: str | None = None
    start: datetime | None = None

    @property
    def personal(self) -> bool:
        """Whether a person asks for something specific, and has to learn if it is not possible."""
        return self.engineer_id is not None or self.start is not None

    def same_as(self, other: "ReassignmentRequest") -> bool:
        """Whether both ask for the same, regardless of who made them."""
        return (self.engineer_id, self.start) == (other.engineer_id, other.start)

    def satisfied_by(self, assignment: Assignment) -> bool:
        """Whether the assignment fulfills the request."""
        if self.start is not None:
            return assignment.visit is not None and assignment.visit.start == self.start
        return self.engineer_id == assignment.engineer_id
