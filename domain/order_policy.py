"""What is the same for every order taken on a day, and stays so for the order's whole life."""

from dataclasses import dataclass


@dataclass
class OrderPolicy:
    """Limits, and timers in seconds. They travel in the workflow's input: an order keeps those it was taken with.

    What a later release has added is, as it comes, without effect: an order of before goes on as it was.
    """

    answer_within: float = 4 * 60 * 60
    """An engineer who has not answered a request for so long is taken to have declined."""
    rounds: int = 0
    """So many engineers are asked one after another; then the order waits, and a person is asked for. 0: no limit."""
    report_within: float = 0
    """So long after the end of a visit's window its outcome should be known, or a person is asked for. 0: never."""
    attention_after: float = 30
    """A step that has not succeeded for so long asks for a person, and is tried on without limit."""
    try_for: float = 5
    """One try of a step; also how long a try is waited for whose worker was killed."""
    retry_at_most_every: float = 30
    """The longest pause between two tries of a step."""
    projection_patience: float = 7 * 24 * 60 * 60
    """How long a closing order waits for a read model that does not take its last state."""
    max_reschedules: int | None = None
    """How often the visit may be moved for a customer or a manager. 0: no limit. `None`: an order of before the limit.

    Without a limit, the server's suggestion that the history is long ends it.
    """
