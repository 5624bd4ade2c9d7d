"""What people decide about a running order, and how the workflow answers them."""

from dataclasses import dataclass, field
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from domain.common.errors import Refusal
from domain.management_center.assignments import Assignment


@dataclass
class Decision:
    """Taken by its handler, carried out by `run`, which then settles it."""

    by: str
    refusal: Refusal | None = field(default=None, kw_only=True)
    settled: bool = field(default=False, kw_only=True)

    def settle(self, refusal: Refusal | None = None) -> None:
        """It has been carried out, or cannot be; whoever waits for it is told. The first settling counts."""
        if not self.settled:
            self.settled, self.refusal = True, refusal

    async def carried_out(self) -> None:
        """Wait until it is settled.

        Raises:
            ApplicationError: it was refused.
        """
        await workflow.wait_condition(lambda: self.settled)
        if self.refusal is not None:
            raise as_failure(self.refusal)


@dataclass
class Report(Decision):
    """What the engineer of a round says about it."""

    engineer_id: str
    reason: str | None = None
    note: str | None = None
    serials: list[str] = field(default_factory=list)


@dataclass
class Wish(Decision):
    """That the next round be decided.

    A manager's names an engineer, one for another visit its window's start; the management centre's names nothing.
    """

    engineer_id: str | None = None
    start: datetime | None = None

    @property
    def of_a_person(self) -> bool:
        """Somebody wants something of it, and is told where that is not to be had."""
        return self.engineer_id is not None or self.start is not None

    def same_as(self, other: "Wish") -> bool:
        """Whoever has it, it is for the same."""
        return (self.engineer_id, self.start) == (other.engineer_id, other.start)

    def met_by(self, assignment: Assignment) -> bool:
        """Nothing more is to be decided for it."""
        if self.start is not None:
            return assignment.visit is not None and assignment.visit.start == self.start
        return self.engineer_id == assignment.engineer_id


def as_failure(refusal: Refusal) -> ApplicationError:
    """A refusal as Temporal carries it: its code is the type. Nothing else may leave an update handler."""
    return ApplicationError(str(refusal), type=refusal.code, non_retryable=True)
