"""A request to a consumer, and the attempts that are noted of it: one for each event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from domain.event_delivery.answers import Answer
from domain.event_delivery.delivery import LoggedEvent
from domain.event_delivery.messages import Message
from domain.event_delivery.subscriptions import Attempt


@dataclass(frozen=True)
class Request:
    """A request under way."""

    events: Sequence[LoggedEvent]
    message: Message
    at: datetime
    held: bool = False
    """Whether the event holds its order."""

    def attempts(self, subscription_id: str, answer: Answer, tries: Mapping[str, int]) -> Sequence[Attempt]:
        """Return what is noted once it is answered.

        Args:
            subscription_id: The subscription.
            answer: The answer, which counts for all events.
            tries: The number of the attempt, by the ids of events.
        """
        return [
            Attempt(
                uuid4().hex,
                subscription_id,
                event.event_id,
                self.at,
                answer.outcome,
                answer.milliseconds,
                tries[event.event_id],
                event.sequence,
                answer.status,
                answer.failure,
            )
            for event in self.events
        ]
