"""Decisions: a handler records one, `run` carries it out, and the handler returns the outcome to the sender."""

from dataclasses import dataclass, field

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from domain.common.errors import Refusal


@dataclass
class Decision:
    """Decision that its handler records. `run` carries it out and then settles it."""

    by: str
    refusal: Refusal | None = field(default=None, kw_only=True)
    settled: bool = field(default=False, kw_only=True)

    def settle(self, refusal: Refusal | None = None) -> None:
        """Mark the decision as carried out or as refused, and wake up whoever waits. Only the first call counts."""
        if not self.settled:
            self.settled, self.refusal = True, refusal

    async def carried_out(self) -> None:
        """Wait until the decision is settled.

        Raises:
            ApplicationError: it was refused.
        """
        await workflow.wait_condition(lambda: self.settled)
        if self.refusal is not None:
            raise as_failure(self.refusal)


def as_failure(refusal: Refusal) -> ApplicationError:
    """Convert a refusal to the error that Temporal carries, with its code as the type.

    An update handler may raise no other error: it would fail the workflow task.
    """
    return ApplicationError(str(refusal), type=refusal.code, non_retryable=True)


def refuse(refusal: Refusal | None) -> None:
    """Refuse an update if there is a refusal.

    Raises:
        ApplicationError: `refusal` is set.
    """
    if refusal is not None:
        raise as_failure(refusal)
