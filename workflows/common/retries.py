"""Retry policies of steps."""

from datetime import timedelta
from typing import Protocol

from temporalio.common import RetryPolicy

_FIRST_PAUSE = timedelta(seconds=1)


class StepPolicy(Protocol):
    """Limits of a step, in seconds. They are part of the workflow's input, so a running workflow keeps them."""

    attention_after: float
    """Time until a step that has not succeeded asks for attention. The step is then retried without limit."""
    try_for: float
    """Timeout of one attempt of a step."""
    retry_at_most_every: float
    """Longest pause between two attempts."""


def unlimited_retries(policy: StepPolicy) -> RetryPolicy:
    """Return a retry policy without a limit, with pauses that grow up to the policy's longest."""
    longest = timedelta(seconds=policy.retry_at_most_every)
    # The server refuses a first pause that exceeds the longest one.
    return RetryPolicy(initial_interval=min(_FIRST_PAUSE, longest), maximum_interval=longest)
