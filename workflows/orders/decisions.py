"""What people decide about a running order, and how the workflow answers them."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.common.texts import bounded
from domain.installation import EngineerAct
from domain.management_center.assignments import Assignment
from workflows.common.decisions import Decision

_MOST_SERIALS = 50


@dataclass
class Report(Decision):
    """What the engineer of a round says about it."""

    engineer_id: str
    reason: str | None = None
    note: str | None = None
    serials: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, act: EngineerAct) -> "Report":
        """What an engineer has sent, within bounds."""
        return cls(
            bounded(act.by) or f"engineer:{act.engineer_id}",
            act.engineer_id,
            bounded(act.reason),
            bounded(act.note),
            [serial for each in act.serials[:_MOST_SERIALS] if (serial := bounded(each))],
        )


@dataclass
class ReassignmentRequest(Decision):
    """That the next round be decided.

    A manager's names an engineer; one for another visit names its window's start; the management center's names
    neither.
    """

    engineer_id: str | None = None
    start: datetime | None = None

    @property
    def personal(self) -> bool:
        """Somebody wants something of it, and is told where that is not to be had."""
        return self.engineer_id is not None or self.start is not None

    def same_as(self, other: "ReassignmentRequest") -> bool:
        """Whether both want the same, whoever made them."""
        return (self.engineer_id, self.start) == (other.engineer_id, other.start)

    def met_by(self, assignment: Assignment) -> bool:
        """Whether nothing more is to be decided for it."""
        if self.start is not None:
            return assignment.visit is not None and assignment.visit.start == self.start
        return self.engineer_id == assignment.engineer_id
