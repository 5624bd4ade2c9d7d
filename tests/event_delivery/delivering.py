"""Deliveries to a consumer in the process of the test, from a log of its own, by a clock that the test sets."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from time import monotonic
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.event_delivery.connecting import NameLookups
from activities.event_delivery.consumer import Identity, Outgoing
from activities.event_delivery.delivery import DeliveryActivities
from activities.event_delivery.ping import PingActivities
from activities.event_delivery.watch import Watch
from domain.common import contexts
from domain.event_delivery.delivery import Delivered, Delivery, Patience
from domain.event_delivery.relay import AppendEvents, OutboxEvent
from domain.event_delivery.subscriptions import (
    Attempt,
    AttemptFilter,
    Edge,
    EventSubscription,
    Start,
    SubscriptionRequest,
    SubscriptionView,
)
from domain.event_delivery.targets import TargetRules
from runtime.event_settings import Handshake
from runtime.payload_keys import PayloadKeys
from runtime.secret_seal import SecretSeal, new_secret
from stores.common.database import Database
from stores.event_delivery.attempts import AttemptStore
from stores.event_delivery.deliveries import DeliveryStore
from stores.event_delivery.held_orders import HeldOrderStore
from stores.event_delivery.log import EventLog
from stores.event_delivery.secrets import SecretStore
from stores.event_delivery.subscriptions import SubscriptionStore
from tests.event_delivery.consumer import OK, Script, consumer, status

SEAL = SecretSeal(PayloadKeys({"a": bytes(32)}))
SECRET = new_secret()
A = "a"
"""Id of the subscription."""
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
_UNSUPPORTED = status(415)

Answers = Callable[[str], Script | None]
"""Returns the answer to an event, by its id; `None`: 204."""

Before = Callable[[str], Awaitable[None]]
"""Waits before the answer to an event, by its id."""


async def at_once(_: str) -> None:
    """Wait for nothing."""


@dataclass
class Recipient:
    """What a consumer was sent, and what it has accepted, by the ids of events."""

    sent: list[str] = field(default_factory=list)
    requests: list[list[str]] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    port: int = 0
    requests_under_way: int = 0
    under_way: Counter[str] = field(default_factory=Counter)
    """Requests under way, by order."""
    most_at_once: int = 0
    order_at_once: int = 0
    """Largest number of requests at once about one order."""

    @contextmanager
    def serving(self, event_ids: Sequence[str], orders: Collection[str]) -> Iterator[None]:
        """Count a request with these events of these orders."""
        self.sent += event_ids
        self.requests.append([*event_ids])
        self.requests_under_way += 1
        self.under_way.update(orders)
        self.most_at_once = max(self.most_at_once, self.requests_under_way)
        self.order_at_once = max(self.order_at_once, *self.under_way.values())
        try:
            yield
        finally:
            self.requests_under_way -= 1
            self.under_way.subtract(orders)

    def first_accepted(self) -> dict[str, list[str]]:
        """Return what was accepted, by order, without repetitions."""
        found: dict[str, list[str]] = defaultdict(list)
        for event_id in dict.fromkeys(self.accepted):
            found[event_id.split("-")[0]].append(event_id)
        return found

    @property
    def repeated(self) -> int:
        """How often an event was accepted again."""
        return len(self.accepted) - len(set(self.accepted))


@asynccontextmanager
async def recipient(
    answers: Answers = lambda _: None,
    *,
    before: Before = at_once,
    batches: bool = True,
    accepting: Collection[Script] = (OK,),
) -> AsyncIterator[Recipient]:
    """Run a consumer whose answer depends on the event. To a batch, it gives the first answer that is not 204.

    Args:
        answers: What it answers.
        before: What it waits for before it answers.
        batches: Whether it accepts batches.
        accepting: Answers before which it accepts the events.
    """
    seen = Recipient()

    async def answer(writer: asyncio.StreamWriter) -> None:
        body = json.loads(each.bodies[-1])
        events = body if isinstance(body, list) else [body]
        event_ids = [event["id"] for event in events]
        with seen.serving(event_ids, {event["subject"] for event in events}):
            for event_id in event_ids:
                await before(event_id)
            script = next((script for event_id in event_ids if (script := answers(event_id))), OK)
            if isinstance(body, list) and not batches:
                script = _UNSUPPORTED
            if script in accepting:
                seen.accepted += event_ids
            await script(writer)

    async with consumer(answer) as each:
        seen.port = each.port
        yield seen


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time

    def passes(self, **time: float) -> None:
        """Let time pass."""
        self.time += timedelta(**time)


class Delivering:
    """The log, one subscription, and its deliveries."""

    def __init__(self, database: Database, names: NameLookups, rules: TargetRules | None = None) -> None:
        self.clock = clock = Clock()
        self.log = EventLog(database, now=clock)
        self.subscriptions = SubscriptionStore(database, SEAL, now=clock)
        self.attempts = AttemptStore(database, now=clock)
        self.held = HeldOrderStore(database, now=clock)
        self._database = database
        rules = rules or TargetRules(networks=[ip_network("127.0.0.0/8")])
        outgoing = Outgoing(rules, names, Identity("https://orders.example", "orders.example"), clock)
        self._outgoing = outgoing
        self.begin_with(SEAL)
        self.told: list[str] = []
        """Ids of all events, in the order of the log."""
        self._positions: Counter[str] = Counter()
        self._read = 0
        self._store = DeliveryStore(database, self.log, now=clock)
        self._watch = Watch(self._store)

    def begin_with(self, seal: SecretSeal) -> None:
        """Begin as a process that has these keys."""
        secrets = SecretStore(self._database, seal, now=self.clock)
        self.pings = PingActivities(self.subscriptions, secrets, self.attempts, Handshake.OPTIONAL, self._outgoing)

    def expect_answers(self, *, within: float) -> None:
        """Give consumers so many seconds to answer."""
        self._outgoing = replace(self._outgoing, answer_within=within)
        self.begin_with(SEAL)

    def begin_anew(self) -> None:
        """Forget what was told, for a new subscription. Events have other ids from now on."""
        self.told.clear()

    async def subscribe(
        self,
        port: int,
        *,
        agreed: bool = True,
        start: Start = Edge.BEGINNING,
        origin: str = "http://127.0.0.1",
        subscription_id: str = A,
        **given: Any,
    ) -> None:
        """Make a subscription."""
        url = f"{origin}:{port}/events"
        request = SubscriptionRequest("billing", url, "service:billing", **given)
        await self.subscriptions.create(subscription_id, request, SECRET, start=start)
        await self._watch.look(since=monotonic())
        if agreed:
            await self.subscriptions.agree(subscription_id, url, None)

    async def tell(self, *orders: str, event: str = "JoinOrdered", region: str | None = None) -> list[str]:
        """Append an event of each order. Returns the ids of the events."""
        events = []
        for order_id in orders:
            position = self._positions[order_id]
            self._positions[order_id] += 1
            id_ = f"{order_id}-{position}"
            events.append(OutboxEvent(id_, order_id, position, event, self.clock(), {"position": position}, region))
        before, self._read = self._read, self._read + len(events)
        await self.log.append(AppendEvents(contexts.ORDER_STATUS, before, events, self._read))
        ids = [event.event_id for event in events]
        self.told += ids
        return ids

    def activities(self, patience: Patience = Patience()) -> DeliveryActivities:  # noqa: B008 - a constant
        """Return activities as of another process."""
        return DeliveryActivities(self._store, Watch(self._store), self.pings, patience)

    async def deliver(self, *, wait: float = 0, patience: Patience = Patience()) -> Delivered:  # noqa: B008
        """Run the activity once, by default until everything is sent, in a process that has been there all the time."""
        return await running(DeliveryActivities(self._store, self._watch, self.pings, patience), wait=wait)

    async def subscription(self) -> EventSubscription:
        """Return the subscription."""
        return (await self.view()).subscription

    async def view(self) -> SubscriptionView:
        """Return the subscription with what surrounds it."""
        return await self.subscriptions.get(A)

    async def attempted(self) -> list[Attempt]:
        """Return all attempts, the oldest first."""
        page = await self.attempts.list(A, AttemptFilter())
        found = [*page.items]
        while page.next_cursor:
            page = await self.attempts.list(A, AttemptFilter(), cursor=page.next_cursor)
            found += page.items
        return found[::-1]


def running(
    activities: DeliveryActivities,
    *,
    wait: float = 0,
    environment: ActivityEnvironment | None = None,
    subscription_id: str = A,
) -> Awaitable[Delivered]:
    """Run the activity. Canceling this ends it as a killed process does: without another word."""
    return (environment or ActivityEnvironment()).run(activities.deliver, Delivery(subscription_id, wait))
