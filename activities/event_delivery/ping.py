"""The activity that pings a consumer: the handshake of CloudEvents if it has not agreed yet, then a signed event."""

from dataclasses import dataclass
from uuid import uuid4

from activities.common.serving import carries_out
from activities.event_delivery.consumer import Consumer, Outgoing
from domain.common.errors import NotFound
from domain.event_delivery.answers import Answer, Outcome
from domain.event_delivery.messages import Message
from domain.event_delivery.ping import PING, Ping, Pinged, document_of
from domain.event_delivery.subscriptions import Attempt, EventSubscription
from runtime.event_settings import Handshake
from stores.event_delivery.attempts import AttemptStore
from stores.event_delivery.secrets import SecretStore
from stores.event_delivery.subscriptions import SubscriptionStore

_ANYBODY = "*"


@dataclass(frozen=True)
class PingActivities:
    """Activities of `EventPingWorkflow`."""

    subscriptions: SubscriptionStore
    secrets: SecretStore
    attempts: AttemptStore
    handshake: Handshake
    outgoing: Outgoing

    @carries_out(PING)
    async def ping(self, request: Ping) -> Pinged:
        """Ping the consumer, and store the attempt. A consumer that has not agreed yet agrees by its answer.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        try:
            subscription = (await self.subscriptions.get(request.subscription_id)).subscription
            event_id, at = f"ping-{uuid4().hex}", self.outgoing.now()
            answer, consent = await self._sent(subscription, event_id)
            await self.attempts.add(
                Attempt(
                    uuid4().hex,
                    subscription.subscription_id,
                    event_id,
                    at,
                    answer.outcome,
                    answer.milliseconds,
                    status=answer.status,
                    failure=answer.failure,
                )
            )
            if answer.outcome is Outcome.DELIVERED and subscription.agreed_at is None:
                rate = consent.allowed_rate if consent else None
                await self.subscriptions.agree(subscription.subscription_id, subscription.url, rate)
        except NotFound:
            return Pinged()
        return Pinged(answer.outcome, answer.status, answer.failure, answer.milliseconds, answer.retry_after)

    async def _sent(self, subscription: EventSubscription, event_id: str) -> tuple[Answer, Answer | None]:
        """Return the answer to the ping, and the one to the handshake if there was any."""
        async with Consumer(subscription, self.secrets, self.outgoing) as consumer:
            consent = None
            if subscription.agreed_at is None:
                consent = await consumer.handshake()
                if self.handshake is Handshake.REQUIRED and not self._consents(consent):
                    return _without_consent(consent), consent
            at, source = self.outgoing.now(), self.outgoing.identity.source
            document = document_of(event_id, subscription.subscription_id, at, origin=source)
            return await consumer.post(Message(event_id, document)), consent

    def _consents(self, answer: Answer) -> bool:
        return answer.outcome is Outcome.DELIVERED and answer.allowed_origin in (
            _ANYBODY,
            self.outgoing.identity.origin,
        )


def _without_consent(answer: Answer) -> Answer:
    """Return what a handshake means that the consumer has not consented to."""
    if answer.outcome is not Outcome.DELIVERED:
        return answer
    return Answer(Outcome.REFUSED, answer.milliseconds, answer.status)
