"""Order policy: limits and timers that an order keeps for its whole life."""

from dataclasses import dataclass


@dataclass
class OrderPolicy:
    """Limits, and timers in seconds. They are part of the workflow's input, so an order keeps the ones it began with.

    The defaults of fields that a later release added have no effect, so that earlier orders continue unchanged.
    """

    answer_within: float = 4 * 60 * 60
    """Time in which an engineer has to answer a request. After it, the engineer counts as having declined."""
    rounds: int = 0
    """Number of engineers to ask in succession before the order waits and asks for attention. 0: no limit."""
    report_within: float = 0
    """Time after the end of a visit's window until an unreported visit asks for attention. 0: never."""
    attention_after: float = 30
    """Time until a step that has not succeeded asks for attention. The step is then retried without limit."""
    try_for: float = 5
    """Timeout of one attempt of a step. It is also how long the order waits for an attempt whose worker was killed."""
    retry_at_most_every: float = 30
    """Longest pause between two attempts of a step."""
    projection_patience: float = 7 * 24 * 60 * 60
    """How long an order that has ended waits for the read model to store its last state."""
    max_reschedules: int | None = None
    """How often a customer or a manager may reschedule the visit. 0: no limit. `None`: an order older than the limit.

    Without a limit, rescheduling ends when the server suggests that the history is too long.
    """
