"""One run of a delivery: reads the log, sends what the subscription selects, and writes down what was delivered."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from secrets import SystemRandom
from time import monotonic

from temporalio import activity

from activities.common.heartbeats import Heartbeats
from activities.event_delivery.consumer import Consumer
from activities.event_delivery.delivery_metrics import DeliveryMetrics
from activities.event_delivery.journal import Journal
from activities.event_delivery.lanes import READ_AT_ONCE, Lanes
from activities.event_delivery.pace import Pace
from activities.event_delivery.requests import Request
from activities.event_delivery.watch import LOOK_EVERY, Watch
from domain.event_delivery.answers import Answer, Outcome
from domain.event_delivery.delivery import (
    MOST_HELD,
    MOST_REFUSED_IN_A_ROW,
    Delivered,
    LoggedEvent,
    Patience,
    forget_failures,
    note_failure,
    pause,
)
from domain.event_delivery.log import EventsGone
from domain.event_delivery.messages import batch, single
from domain.event_delivery.subscriptions import HeldOrder, PauseReason, SubscriptionState
from stores.event_delivery.deliveries import Begun, DeliveryStore, Superseded

WORK_FOR = 50.0
"""Seconds for which a run begins requests."""


class DeliveryRun:
    """Delivers events until its time is over, or it has nothing to do for a while, or the consumer fails."""

    def __init__(
        self,
        begun: Begun,
        store: DeliveryStore,
        watch: Watch,
        consumer: Consumer,
        patience: Patience,
        *,
        wait: float,
        now: Callable[[], datetime],
    ) -> None:
        """Create a run that has begun.

        Args:
            begun: Where it begins.
            store: Where it writes down what was delivered.
            watch: Tells of later runs, and reads events.
            consumer: Sends the events.
            patience: How long to go on with what fails.
            wait: Seconds to wait for events if there are none.
            now: The clock.
        """
        self._subscription = subscription = begun.subscription
        self._store = store
        self._watch = watch
        self._consumer = consumer
        self._patience = patience
        self._wait = wait
        self._now = now
        self._began = monotonic()
        self._lanes = lanes = Lanes(subscription.delivered, subscription.ahead or (), begun.held)
        self._journal = Journal(store, subscription, lanes)
        self._pace = Pace(subscription, idle=begun.idle)
        self._metrics, self._heartbeats = DeliveryMetrics(), Heartbeats()
        self._tries = dict(begun.tries)
        self._refused = 0
        """Orders refused since the last success."""
        self._requests: dict[asyncio.Task[Answer], Request] = {}
        self._retrying: set[str] = set()
        """Held orders of which a request is under way."""
        self._last = subscription.delivered
        """The newest position of the log."""
        self._stopped = False
        """Whether no more requests begin, because the consumer does not work, or the subscription is paused."""

    async def run(self) -> Delivered:
        """Deliver.

        Raises:
            Superseded: somebody has changed the subscription, or a later run has begun.
            StoreUnavailable: the database does not answer.
        """
        async with self._canceling():
            while True:
                await self._look()
                await self._read()
                await self._begin_requests()
                await self._take_answers()
                if not (self._stopped or self._is_busy() or self._is_retrying()):
                    forget_failures(self._subscription)  # A person may have given up the events that failed.
                await self._journal.save_at_times()
                if self._is_over():
                    break
            while self._requests:
                await self._take_answers()
                await self._journal.save_at_times()
            await self._journal.save()
        subscription = self._subscription
        if self._stopped and subscription.retry_at is not None:
            return Delivered(again_after=max((subscription.retry_at - self._now()).total_seconds(), self._pace.wait))
        return Delivered(subscription.state is SubscriptionState.PAUSED, self._pace.wait)

    @asynccontextmanager
    async def _canceling(self) -> AsyncIterator[None]:
        """Leave no request behind, however the block ends."""
        try:
            yield
        finally:
            for request in self._requests:
                request.cancel()
            await asyncio.gather(*self._requests, return_exceptions=True)

    async def _look(self) -> None:
        present = await self._watch.look(since=self._began)
        if present.runs.get(self._subscription.subscription_id) != self._subscription.run:
            raise Superseded("the subscription was changed")
        self._last = present.last

    def _is_over(self) -> bool:
        if self._stopped or activity.is_worker_shutdown() or monotonic() >= self._began + WORK_FOR:
            return True
        return not self._is_busy() and monotonic() >= self._began + self._wait

    def _is_retrying(self) -> bool:
        """Return whether held orders are tried again. Of the others, a person decides."""
        return any(order.retry_at is not None for order in self._lanes.held.values())

    def _is_busy(self) -> bool:
        return bool(self._requests or len(self._lanes) or self._lanes.reached < self._last or self._due())

    # --- what is sent -------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        if self._lanes.reached >= self._last or self._lanes.is_full:
            return
        limit = READ_AT_ONCE - len(self._lanes)
        try:
            events, reached = await self._watch.read(self._subscription, self._lanes.reached, limit)
        except EventsGone:
            self._pause(PauseReason.EVENTS_GONE)
        else:
            self._lanes.add(events, reached)

    async def _begin_requests(self) -> None:
        while not self._stopped and len(self._requests) < self._pace.at_once and not self._pace.wait:
            request = await self._next_request()
            if request is None:
                return
            self._pace.begin()
            for event in request.events:
                self._tries[event.event_id] = self._tries.get(event.event_id, 0) + 1
            self._requests[asyncio.create_task(self._consumer.post(request.message))] = request

    async def _next_request(self) -> Request | None:
        if (event := await self._take_held()) is not None:
            self._retrying.add(event.order_id)
            return Request([event], single(event), self._now(), held=True)
        subscription = self._subscription
        alone = subscription.batch == 1 or self._lanes.delivered < (subscription.batches_after or 0)
        events = self._lanes.take(1 if alone else self._pace.batch)
        if not events:
            return None
        return Request(events, single(events[0]) if alone else batch(events), self._now())

    def _due(self) -> list[HeldOrder]:
        now = self._now()
        return [
            order
            for order in self._lanes.held.values()
            if order.retry_at is not None
            and self._patience.is_due(order.retry_at, now)
            and order.order_id not in self._retrying
        ]

    async def _take_held(self) -> LoggedEvent | None:
        """Return the event of a held order that is to be sent again now."""
        for order in self._due():
            event = await self._next_of(order.order_id, after=order.sequence - 1, at_least=order.sequence)
            if event is None:  # the subscription does not select it any more, or it is not kept any more
                self._journal.release(order.order_id)
                continue
            if event.sequence != order.sequence:
                self._journal.hold(self._held_from(event))
            self._tries.setdefault(event.event_id, self._lanes.held[order.order_id].attempts)
            return event
        return None

    # --- what is answered ---------------------------------------------------------------------------------------------

    async def _take_answers(self) -> None:
        """Wait for answers, or until it is time to look again."""
        self._heartbeats.beat()
        if not self._requests:
            await asyncio.sleep(min(LOOK_EVERY, self._pace.wait or LOOK_EVERY))
            return
        answered, _ = await asyncio.wait(self._requests, timeout=LOOK_EVERY, return_when=asyncio.FIRST_COMPLETED)
        for request in answered:
            await self._take(self._requests.pop(request), request.result())

    async def _take(self, request: Request, answer: Answer) -> None:
        now = self._now()
        self._note(request, answer)
        self._retrying.difference_update(event.order_id for event in request.events)
        if answer.outcome is Outcome.DELIVERED:
            await self._delivered(request, now)
        elif answer.outcome is Outcome.REFUSED and request.message.is_batch:
            self._subscription.batches_after = request.events[-1].sequence
            self._put_back(request)
        elif answer.outcome is Outcome.REFUSED and self._holds(request):
            self._refuse(request, answer, now)
        else:
            self._put_back(request)
            if answer.outcome is Outcome.GONE:
                self._pause(PauseReason.GONE)
            else:
                self._fail(answer, now)

    def _note(self, request: Request, answer: Answer) -> None:
        subscription = self._subscription
        subscription.last_outcome, subscription.last_status = answer.outcome, answer.status
        self._metrics.count(answer)
        self._journal.note(request.attempts(subscription.subscription_id, answer, self._tries))

    async def _delivered(self, request: Request, now: datetime) -> None:
        subscription = self._subscription
        subscription.last_delivered_at = now
        if not self._stopped:
            forget_failures(subscription)
        self._refused = 0
        self._pace.succeed()
        self._metrics.count_delays(now - event.at for event in request.events)
        for event in request.events:
            self._tries.pop(event.event_id, None)
            if request.held:
                await self._delivered_held(event)
            else:
                self._lanes.deliver(event)

    async def _delivered_held(self, event: LoggedEvent) -> None:
        self._lanes.deliver_held(event)
        following = await self._next_of(event.order_id, after=event.sequence)
        if following is None:
            self._journal.release(event.order_id)
        else:
            self._journal.hold(self._held_from(following))

    def _put_back(self, request: Request) -> None:
        if not request.held:
            for event in request.events:
                self._lanes.put_back(event)

    def _holds(self, request: Request) -> bool:
        """Return whether a refusal is about the event alone. If many are refused, the consumer does not work."""
        if request.held:
            return True
        self._refused += 1
        return self._refused < MOST_REFUSED_IN_A_ROW and len(self._lanes.held) < MOST_HELD

    def _refuse(self, request: Request, answer: Answer, now: datetime) -> None:
        """Hold an order, or hold it longer. After too long a time, a person has to decide."""
        [event], patience = request.events, self._patience
        before = self._lanes.held[event.order_id] if request.held else self._held_from(event)
        since = min(before.since, now)
        retry_at = None if patience.is_over(since, now) else now + patience.pause(since, now, spread())
        attempts = self._tries[event.event_id]
        self._journal.hold(replace(before, since=since, attempts=attempts, retry_at=retry_at, status=answer.status))

    def _fail(self, answer: Answer, now: datetime) -> None:
        self._stopped = True
        if self._subscription.state is not SubscriptionState.PAUSED:
            note_failure(self._subscription, answer, now, self._patience, spread=spread())

    def _pause(self, reason: PauseReason) -> None:
        self._stopped = True
        pause(self._subscription, reason, self._now())

    def _held_from(self, event: LoggedEvent) -> HeldOrder:
        now = self._now()
        return HeldOrder(event.order_id, event.event_id, since=now, retry_at=now, sequence=event.sequence)

    async def _next_of(self, order_id: str, *, after: int, at_least: int = 0) -> LoggedEvent | None:
        """Return the next event of an order among those that were passed over, and those up to a position."""
        up_to = max(self._lanes.reached, at_least)
        return await self._store.next_of(self._subscription, order_id, after=after, up_to=up_to)


def spread() -> float:
    """Return a factor by which a pause is spread, so that not everything is tried at the same moment."""
    return SystemRandom().uniform(0.5, 1.5)
