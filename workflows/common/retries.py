"""How often what another context could not do is tried again."""

from datetime import timedelta
from typing import Protocol

from temporalio.common import RetryPolicy

_FIRST_PAUSE = timedelta(seconds=1)


class StepPolicy(Protocol):
    """Limits of a step, in seconds. They come with the workflow's input, so a running workflow keeps them."""

    attention_after: float
    """A step that has not succeeded for so long asks for a person, and is tried on without limit."""
    try_for: float
    """One try of a step."""
    retry_at_most_every: float
    """The longest pause between two tries."""


def without_end(policy: StepPolicy) -> RetryPolicy:
    """Again and again, with pauses that grow up to the policy's longest."""
    longest = timedelta(seconds=policy.retry_at_most_every)
    # The server takes no first pause that is longer than the longest.
    return RetryPolicy(initial_interval=min(_FIRST_PAUSE, longest), maximum_interval=longest)
