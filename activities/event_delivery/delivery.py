"""The activity that sends the events of a subscription to its consumer."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from secrets import SystemRandom
from time import monotonic
from typing import TypeVar

from temporalio import activity

from activities.common import heartbeats
from activities.common.serving import carries_out
from activities.event_delivery.consumer import Consumer
from activities.event_delivery.delivery_run import DeliveryRun, spread
from activities.event_delivery.ping import PingActivities
from activities.event_delivery.watch import Watch
from domain.common.errors import NotFound
from domain.event_delivery.answers import Answer, Outcome
from domain.event_delivery.delivery import DELIVER, Delivered, Delivery, Patience, note_failure, pause
from domain.event_delivery.ping import Ping
from domain.event_delivery.subscriptions import PauseReason, SubscriptionState
from stores.event_delivery.deliveries import Begun, DeliveryStore, Superseded

LONGEST_DELAY = 2.0
"""Seconds. What begins with a process, begins after a random part of it."""
ASK_AT_MOST_EVERY = 6.0
"""Seconds from one ping of a consumer that has not agreed to the next: 10 a minute, as many as somebody can send it."""
_AT_ONCE = Delivered()
_ENDED = Delivered(ended=True)

Result = TypeVar("Result")


@dataclass(frozen=True)
class DeliveryActivities:
    """Activities of `EventDeliveryWorkflow`."""

    store: DeliveryStore
    watch: Watch
    pings: PingActivities
    patience: Patience
    began: float = float("-inf")
    """When the process began, by the monotonic clock."""

    @carries_out(DELIVER)
    async def deliver(self, request: Delivery) -> Delivered:
        """Deliver events until the time of a run is over, or the consumer fails. First, the consumer has to agree.

        A process that has just begun is given all deliveries that wait, at once. It begins each after a random pause.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        if monotonic() < self.began + LONGEST_DELAY:
            await asyncio.sleep(SystemRandom().uniform(0, LONGEST_DELAY))
        try:
            begun = await self.store.begin(request.subscription_id)
        except NotFound:
            return _ENDED
        subscription, outgoing = begun.subscription, self.pings.outgoing
        if subscription.state is SubscriptionState.PAUSED:
            return _ENDED
        subscription.retry_at = None  # It is tried now, and what follows decides when again.
        try:
            if subscription.state is SubscriptionState.PENDING:
                return await self._ask(begun)
            async with Consumer(subscription, self.pings.secrets, outgoing) as consumer:
                run = DeliveryRun(
                    begun, self.store, self.watch, consumer, self.patience, wait=request.wait, now=outgoing.now
                )
                return await run.run()
        except Superseded:
            return _AT_ONCE

    async def _ask(self, begun: Begun) -> Delivered:
        """Ping a consumer that has not agreed yet. Not too soon, however often somebody changes its subscription."""
        if begun.idle < ASK_AT_MOST_EVERY:
            return Delivered(again_after=ASK_AT_MOST_EVERY - begun.idle)
        subscription = begun.subscription
        pinged = await _with_heartbeats(self.pings.ping(Ping(subscription.subscription_id)))
        if pinged.outcome is None:
            return _ENDED
        if pinged.outcome is Outcome.DELIVERED:
            return _AT_ONCE
        now = self.pings.outgoing.now()
        subscription.last_outcome, subscription.last_status = pinged.outcome, pinged.status
        if pinged.outcome is Outcome.GONE:
            pause(subscription, PauseReason.GONE, now)
        else:
            answer = Answer(pinged.outcome, pinged.milliseconds, pinged.status, retry_after=pinged.retry_after)
            note_failure(subscription, answer, now, self.patience, spread=spread())
        await self.store.save(subscription)
        if subscription.retry_at is None:
            return _ENDED
        return Delivered(again_after=max((subscription.retry_at - now).total_seconds(), 0.0))


async def _with_heartbeats(doing: Awaitable[Result]) -> Result:
    """Wait for something that may take longer than an activity may be silent."""
    task = asyncio.ensure_future(doing)
    try:
        while not task.done():
            activity.heartbeat()
            await asyncio.wait([task], timeout=heartbeats.BETWEEN)
        return task.result()
    finally:
        task.cancel()
