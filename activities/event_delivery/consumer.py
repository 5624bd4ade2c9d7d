"""The consumer of a subscription, to which events are sent, each with its signatures."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

import structlog

from activities.event_delivery.connecting import NameLookups
from activities.event_delivery.sending import ANSWER_WITHIN, Authorities, Sender
from activities.event_delivery.signing import signed
from domain.event_delivery.answers import Answer, Failure, Outcome
from domain.event_delivery.messages import Message
from domain.event_delivery.subscriptions import EventSubscription
from domain.event_delivery.targets import ForbiddenTarget, TargetRules
from runtime.secret_seal import SecretUnreadable
from stores.event_delivery.secrets import SecretStore

_EVENT = {"Content-Type": "application/cloudevents+json; charset=UTF-8"}
_BATCH = {"Content-Type": "application/cloudevents-batch+json; charset=UTF-8"}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Identity:
    """How consumers know this service."""

    source: str
    """Name of the installation in events, a URI."""
    origin: str
    """`WebHook-Request-Origin`: a host name."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of each request."""
        return {"WebHook-Request-Origin": self.origin}


@dataclass(frozen=True)
class Outgoing:
    """How requests to consumers leave this process."""

    rules: TargetRules
    names: NameLookups
    identity: Identity
    now: Callable[[], datetime]
    authorities: Authorities = field(default_factory=Authorities)
    answer_within: float = ANSWER_WITHIN
    """Seconds for one request with its whole answer."""


class Consumer:
    """Sends to one consumer. It connects with the first request, and reads the secrets only once."""

    def __init__(self, subscription: EventSubscription, secrets: SecretStore, outgoing: Outgoing) -> None:
        self._subscription = subscription
        self._secrets = secrets
        self._outgoing = outgoing
        self._keys: list[str] = []
        self._sender: Sender | None = None
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        if self._sender is not None:
            await self._sender.__aexit__(*exception)

    async def handshake(self) -> Answer:
        """Ask whether the consumer consents to events: the handshake of CloudEvents' web hooks.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        rate = self._subscription.per_minute
        wanted = {} if rate is None else {"WebHook-Request-Rate": str(rate)}
        return await self._send("OPTIONS", lambda: wanted)

    async def post(self, message: Message) -> Answer:
        """Send an event, or a batch of them. Whatever the consumer does is an answer.

        Raises:
            StoreUnavailable: the database does not answer.
        """

        def headers() -> Mapping[str, str]:
            content_type = _BATCH if message.is_batch else _EVENT
            signature = signed(message.message_id, message.content, self._keys, self._outgoing.now())
            return {**content_type, **signature}

        return await self._send("POST", headers, message.content.encode())

    async def _send(self, method: str, headers: Callable[[], Mapping[str, str]], body: bytes = b"") -> Answer:
        try:
            sender = await self._opened()
        except ForbiddenTarget:
            return Answer(Outcome.FORBIDDEN, 0)
        except SecretUnreadable as error:
            _log.error(
                "nothing is sent to a consumer", subscription=self._subscription.subscription_id, error=str(error)
            )
            return Answer(Outcome.UNREACHABLE, 0, failure=Failure.NOT_SIGNED)
        return await sender.send(method, {**self._outgoing.identity.headers, **headers()}, body)

    async def _opened(self) -> Sender:
        async with self._opening:
            if self._sender is None:
                subscription, outgoing = self._subscription, self._outgoing
                target = outgoing.rules.target(subscription.url)
                self._keys = await self._secrets.keys(subscription.subscription_id)
                trusted = await outgoing.authorities.trusted()
                self._sender = Sender(
                    target,
                    outgoing.rules,
                    outgoing.names,
                    trusted,
                    at_once=subscription.requests_at_once,
                    answer_within=outgoing.answer_within,
                )
            return self._sender
