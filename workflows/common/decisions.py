"""Decisions: a handler writes one down, `run` carries it out, and whoever sent it is answered with the outcome."""

from dataclasses import dataclass, field

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from domain.common.errors import Refusal


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


def as_failure(refusal: Refusal) -> ApplicationError:
    """A refusal as Temporal carries it: its code is the type. Nothing else may leave an update handler."""
    return ApplicationError(str(refusal), type=refusal.code, non_retryable=True)


def refuse(refusal: Refusal | None) -> None:
    """Refuse an update, where there is a reason to.

    Raises:
        ApplicationError: there is one.
    """
    if refusal is not None:
        raise as_failure(refusal)
