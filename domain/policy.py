"""What is the same for every order taken on a day, and stays so for the order's whole life."""

from dataclasses import dataclass


@dataclass
class OrderPolicy:
    """Timers, in seconds. They travel in the workflow's input: a running order keeps those it was taken with."""

    answer_within: float = 4 * 60 * 60
    """An engineer who has not answered a request for so long is taken to have declined."""
    attention_after: float = 30
    """A step that has not succeeded for so long asks for a person, and is tried on without limit."""
    try_for: float = 5
    """One try of a step; also how long a try is waited for whose worker was killed."""
    retry_at_most_every: float = 30
    """The longest pause between two tries of a step."""
    projection_patience: float = 7 * 24 * 60 * 60
    """How long a closing order waits for a read model that does not take its last state."""
