"""The activity that pings a consumer: the handshake of CloudEvents if it has not agreed yet, then a signed event."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from activities.common.serving import carries_out
from activities.event_delivery.sending import Sender, trusted_authorities
from activities.event_delivery.signing import signed
from domain.common.errors import NotFound
from domain.event_delivery.answers import Answer, Outcome
from domain.event_delivery.ping import PING, Ping, Pinged, document_of
from domain.event_delivery.subscriptions import Attempt, EventSubscription
from domain.event_delivery.targets import ForbiddenTarget, TargetRules
from runtime.event_settings import Handshake
from stores.event_delivery.attempts import AttemptStore
from stores.event_delivery.secrets import SecretStore
from stores.event_delivery.subscriptions import SubscriptionStore

_ANYBODY = "*"
_HEADERS = {"Content-Type": "application/cloudevents+json; charset=UTF-8"}


@dataclass(frozen=True)
class Identity:
    """How consumers know this service."""

    source: str
    """Name of the installation in events, a URI."""
    origin: str
    """`WebHook-Request-Origin`: a host name."""


@dataclass(frozen=True)
class PingActivities:
    """Activities of `EventPingWorkflow`."""

    subscriptions: SubscriptionStore
    secrets: SecretStore
    attempts: AttemptStore
    rules: TargetRules
    handshake: Handshake
    identity: Identity
    names: Executor
    """Threads that wait for name servers."""
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    @carries_out(PING)
    async def ping(self, request: Ping) -> Pinged:
        """Ping the consumer, and store the attempt. A consumer that has not agreed yet agrees by its answer.

        Raises:
            StoreUnavailable: the database does not answer.
            SecretUnreadable: no key of this process decrypts a secret.
        """
        try:
            subscription = (await self.subscriptions.get(request.subscription_id)).subscription
            event_id, at = f"ping-{uuid4().hex}", self.now()
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
        return Pinged(answer.outcome, answer.status, answer.failure, answer.milliseconds)

    async def _sent(self, subscription: EventSubscription, event_id: str) -> tuple[Answer, Answer | None]:
        """Return the answer to the ping, and the one to the handshake if there was any."""
        try:
            target = self.rules.target(subscription.url)
        except ForbiddenTarget:
            return Answer(Outcome.FORBIDDEN, 0), None
        keys = await self.secrets.keys(subscription.subscription_id)
        trusted = await asyncio.to_thread(trusted_authorities)
        origin = {"WebHook-Request-Origin": self.identity.origin}
        async with Sender(target, self.rules, self.names, trusted) as sender:
            consent = None
            if subscription.agreed_at is None:
                consent = await sender.send("OPTIONS", {**origin, **_rate(subscription)})
                if self.handshake is Handshake.REQUIRED and not self._consents(consent):
                    return _without_consent(consent), consent
            now = self.now()
            document = document_of(event_id, subscription.subscription_id, now, origin=self.identity.source)
            headers = {**_HEADERS, **origin, **signed(event_id, document, keys, now)}
            return await sender.send("POST", headers, document.encode()), consent

    def _consents(self, answer: Answer) -> bool:
        return answer.outcome is Outcome.DELIVERED and answer.allowed_origin in (_ANYBODY, self.identity.origin)


def _rate(subscription: EventSubscription) -> Mapping[str, str]:
    """Return the header that says how many requests a minute the consumer has to expect."""
    return {} if subscription.per_minute is None else {"WebHook-Request-Rate": str(subscription.per_minute)}


def _without_consent(answer: Answer) -> Answer:
    """Return what a handshake means that the consumer has not consented to."""
    if answer.outcome is not Outcome.DELIVERED:
        return answer
    return Answer(Outcome.REFUSED, answer.milliseconds, answer.status)
