"""A ping: who agrees by it, what is sent, and what is known of it afterwards."""

import asyncio
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from sqlalchemy import select
from standardwebhooks import Webhook

from activities.event_delivery.connecting import NameLookups
from activities.event_delivery.consumer import Identity, Outgoing
from activities.event_delivery.ping import PingActivities
from domain.event_delivery.answers import Failure, Outcome
from domain.event_delivery.ping import Ping, Pinged
from domain.event_delivery.subscriptions import AttemptFilter, SubscriptionRequest, SubscriptionState
from domain.event_delivery.targets import TargetRules
from harness.ports import free_port
from runtime.event_settings import Handshake
from runtime.payload_keys import PayloadKeys
from runtime.secret_seal import SecretSeal, new_secret
from stores.common.database import Database
from stores.event_delivery.attempts import AttemptStore
from stores.event_delivery.secrets import SecretStore
from stores.event_delivery.subscriptions import SubscriptionStore
from stores.event_delivery.tables import EVENT_ATTEMPT
from tests.event_delivery.consumer import OK, Script, answering, consumer, in_turn

LOOPBACK = TargetRules(networks=[ip_network("127.0.0.0/8")])
SEAL = SecretSeal(PayloadKeys({"a": bytes(32)}))
NOT_ALLOWED = answering("HTTP/1.1 405 No\nContent-Length: 0\n\n")
FIRST, SECOND = new_secret(), new_secret()


def consenting(origin: str, rate: str = "*") -> Script:
    """Return a script that answers the handshake."""
    allowed = f"WebHook-Allowed-Origin: {origin}\nWebHook-Allowed-Rate: {rate}"
    return answering(f"HTTP/1.1 200 OK\n{allowed}\nContent-Length: 0\n\n")


class Pinging:
    """Pings a subscription of a database of its own."""

    def __init__(self, database: Database, names: NameLookups) -> None:
        self.subscriptions = SubscriptionStore(database, SEAL)
        self.secrets = SecretStore(database, SEAL)
        self.attempts = AttemptStore(database)
        self._names = names

    async def subscribe(self, port: int, **given: Any) -> None:
        """Make the subscription."""
        request = SubscriptionRequest("billing", f"http://127.0.0.1:{port}/events", "service:billing", **given)
        await self.subscriptions.create("a", request, FIRST)

    async def ping(self, handshake: Handshake = Handshake.OPTIONAL, rules: TargetRules = LOOPBACK) -> Pinged:
        """Ping its consumer."""
        identity = Identity("https://orders.example", "orders.example")
        outgoing = Outgoing(rules, self._names, identity, lambda: datetime.now(UTC))
        stores = self.subscriptions, self.secrets, self.attempts
        return await PingActivities(*stores, handshake, outgoing).ping(Ping("a"))

    async def state(self) -> SubscriptionState:
        """Return the state of the subscription."""
        return (await self.subscriptions.get("a")).subscription.state


@pytest.fixture
def pinging(database: Database, names: NameLookups) -> Pinging:
    return Pinging(database, names)


async def test_a_consumer_that_answers_agrees_and_knows_who_asks(pinging: Pinging) -> None:
    async with consumer(in_turn(consenting("orders.example", "120"), OK, OK)) as seen:
        await pinging.subscribe(seen.port, per_minute=60)
        await pinging.secrets.replace("a", SECOND, timedelta(hours=1))

        pinged = await pinging.ping()

        assert (pinged.outcome, pinged.status, pinged.failure) == (Outcome.DELIVERED, 204, None)
        assert await pinging.state() is SubscriptionState.ACTIVE
        assert (await pinging.subscriptions.get("a")).subscription.allowed_rate == 120
        assert [head.split()[0] for head in seen.heads] == ["OPTIONS", "POST"]
        assert seen.headers(0)["webhook-request-origin"] == "orders.example"
        assert seen.headers(0)["webhook-request-rate"] == "60"
        headers, body = seen.headers(1), seen.bodies[1]
        for secret in (FIRST, SECOND):
            Webhook(secret).verify(body, headers)
        event = from_structured_event(HTTPMessage(headers, body))
        assert event.get_id() == headers["webhook-id"]
        assert (event.get_source(), event.get_type()) == ("https://orders.example/eventDelivery", "eventDelivery.Ping")
        assert event.get_data() == {"eventSubscriptionId": "a"}

        await pinging.ping()
        assert [head.split()[0] for head in seen.heads] == ["OPTIONS", "POST", "POST"]
        assert (await pinging.subscriptions.get("a")).subscription.allowed_rate == 120
        [later, first] = (await pinging.attempts.list("a", AttemptFilter())).items
        assert (first.event_id, first.status, first.sequence) == (headers["webhook-id"], 204, None)
        assert later.event_id != first.event_id


@pytest.mark.parametrize(
    ("handshake", "first", "outcome", "sent"),
    [
        (Handshake.OPTIONAL, NOT_ALLOWED, Outcome.DELIVERED, 2),
        (Handshake.OPTIONAL, OK, Outcome.DELIVERED, 2),
        (Handshake.REQUIRED, consenting("*"), Outcome.DELIVERED, 2),
        (Handshake.REQUIRED, consenting("orders.example"), Outcome.DELIVERED, 2),
        (Handshake.REQUIRED, consenting("others.example"), Outcome.REFUSED, 1),
        (Handshake.REQUIRED, OK, Outcome.REFUSED, 1),
        (Handshake.REQUIRED, NOT_ALLOWED, Outcome.UNREACHABLE, 1),
    ],
)
async def test_consent_is_needed_where_it_is_required(
    pinging: Pinging, handshake: Handshake, first: Script, outcome: Outcome, sent: int
) -> None:
    async with consumer(in_turn(first, OK)) as seen:
        await pinging.subscribe(seen.port)

        assert (await pinging.ping(handshake)).outcome is outcome
        assert len(seen.heads) == sent
        agreed = outcome is Outcome.DELIVERED
        assert await pinging.state() is (SubscriptionState.ACTIVE if agreed else SubscriptionState.PENDING)


async def test_a_consumer_that_does_not_answer_has_not_agreed(pinging: Pinging) -> None:
    await pinging.subscribe(free_port())

    assert (await pinging.ping()).failure is Failure.NOT_CONNECTED
    assert await pinging.state() is SubscriptionState.PENDING
    [attempt] = (await pinging.attempts.list("a", AttemptFilter())).items
    assert (attempt.outcome, attempt.failure) == (Outcome.UNREACHABLE, Failure.NOT_CONNECTED)


async def test_nothing_is_sent_where_nothing_may_be_sent_any_more(pinging: Pinging) -> None:
    async with consumer() as seen:
        await pinging.subscribe(seen.port)

        assert (await pinging.ping(rules=TargetRules())).outcome is Outcome.FORBIDDEN
        assert seen.connections == 0


async def test_a_ping_wakes_nobody_who_is_paused_and_nothing_that_is_gone(pinging: Pinging) -> None:
    async with consumer() as seen:
        await pinging.subscribe(seen.port)
        await pinging.subscriptions.pause("a")
        assert (await pinging.ping()).outcome is Outcome.DELIVERED
        assert await pinging.state() is SubscriptionState.PAUSED
        assert (await pinging.subscriptions.resume("a")).subscription.state is SubscriptionState.ACTIVE

        await pinging.subscriptions.delete("a")
        assert (await pinging.ping()).outcome is None
        assert len(seen.heads) == 2


async def test_a_ping_leaves_nothing_of_a_subscription_that_is_deleted_meanwhile(
    pinging: Pinging, database: Database
) -> None:
    async def delete(writer: asyncio.StreamWriter) -> None:
        await pinging.subscriptions.delete("a")
        await OK(writer)

    async with consumer(in_turn(OK, delete)) as seen:
        await pinging.subscribe(seen.port)
        assert (await pinging.ping()).outcome is None

    async with database.reading() as connection:
        assert (await connection.execute(select(EVENT_ATTEMPT))).all() == []
