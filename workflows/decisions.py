"""What people decide about a running order, and how the workflow answers them."""

from dataclasses import dataclass

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from domain.errors import Refusal


@dataclass
class Decision:
    """A decision of an engineer or a manager: taken by its handler, carried out by `run`, which then settles it."""

    engineer_id: str
    by: str
    reason: str | None = None
    refusal: Refusal | None = None
    settled: bool = False

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


def as_failure(refusal: Refusal) -> ApplicationError:
    """A refusal as Temporal carries it: its class's name is the type. Nothing else may leave an update handler."""
    return ApplicationError(str(refusal), type=type(refusal).__name__, non_retryable=True)
