"""Publication of an order: its history, search attributes, current details, and row in the read model.

Only `Publication` changes any of these, so that nothing changes without a new version.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import Priority, SearchAttributeKey
from temporalio.exceptions import ActivityError, RetryState
from temporalio.exceptions import TimeoutError as ActivityTimeout

from domain.common.actors import SYSTEM
from domain.common.texts import PlainText
from domain.order_policy import OrderPolicy
from domain.order_status.view import PROJECT_ORDER
from domain.orders import Attention, AttentionReason, Event, Order
from workflows.common.retries import unlimited_retries
from workflows.orders import visibility


class Publication:
    """The published state of one order."""

    def __init__(self, order: Order, policy: OrderPolicy) -> None:
        self.order = order
        self.projector = Projector(order, policy)
        self._published: dict[SearchAttributeKey[str], str | None] = {visibility.ORDER_STATUS: order.status.value}
        self._published_version = order.version
        workflow.set_current_details(visibility.details(order))

    def record(
        self, event: Event, *, by: str = SYSTEM, detail: str | None = None, round_: int | None = None, **changes: Any
    ) -> None:
        """Record an event. Status, history and fields of the order change only here.

        Args:
            event: What happened.
            by: The actor.
            detail: Further information for people.
            round_: The new assignment round, if the event begins one.
            changes: Fields of the order that change with the event, by name.
        """
        for name, value in changes.items():
            setattr(self.order, name, value)
        self.order.record(event, at=workflow.now(), by=by, detail=detail, round_=round_)
        workflow.set_current_details(visibility.details(self.order))

    def ask_for_attention(self, reason: AttentionReason, detail: str | None = None, *, anew: bool = False) -> None:
        """Ask for attention. Asking again for the same reason, and not `anew`, keeps the first request."""
        if anew or self.order.attention is None or self.order.attention.reason != reason:
            self._set_attention(Attention(reason, workflow.now(), detail))

    def clear_attention(self) -> None:
        """Withdraw the request for attention."""
        self._set_attention(None)

    def acknowledge_attention(self, by: str) -> None:
        """Record who acknowledged the request for attention. A repetition by the same person changes nothing."""
        attention = self.order.attention
        if attention is not None and attention.acknowledged_by != by:
            acknowledged = replace(attention, acknowledged_by=by, acknowledged_at=workflow.now())
            self.record(Event.ATTENTION_ACKNOWLEDGED, by=by, detail=attention.reason, attention=acknowledged)
            self.publish()

    def ask_for_attention_until(self, reason: AttentionReason) -> Callable[[], None]:
        """Ask for attention and publish this. Returns a function that restores and publishes the earlier attention."""
        before = self.order.attention
        self.ask_for_attention(reason)
        self.publish()

        def restore() -> None:
            self._set_attention(before)
            self.publish()

        return restore

    def publish(self) -> None:
        """Bring the search attributes and the projection up to date, together."""
        if self._published_version == self.order.version:
            return
        if changes := visibility.changes(self._published, self.order):
            workflow.upsert_search_attributes(changes)
        self._published, self._published_version = visibility.attributes(self.order), self.order.version
        self.projector.project()

    def _set_attention(self, attention: Attention | None) -> None:
        self.order.ask_for_attention(attention, at=workflow.now())
        workflow.set_current_details(visibility.details(self.order))


class Projector:
    """Sends the current order to the read model. Changes during a sending are merged into the next one.

    A time limit of an activity is a timer that stays at the server until it passes, also when the activity has long
    succeeded. So a sending of an open order has none. A final state has the time of a step at first, and only if that
    was not enough, what is left of the policy's patience.
    """

    def __init__(self, order: Order, policy: OrderPolicy) -> None:
        self._order = order
        self._policy = policy
        self._longest = timedelta(seconds=policy.projection_patience)
        self._due = False
        self._closing = False
        self._give_up_at = workflow.now() + self._longest
        """When a closing order gives up: the patience begins with the last sending that the order began while open."""
        self._under_way: workflow.ActivityHandle[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether everything that was due has been stored, or (while closing) given up."""
        return not self._due and self._under_way is None

    def project(self) -> None:
        """Send the current order immediately, or as soon as the current sending has ended.

        An immediate sending ends together with the step that the workflow starts next: one workflow task takes both.
        """
        self._due = True
        if self._under_way is None:
            self._send()

    def close(self) -> None:
        """From now on, give up a state that cannot be stored within the policy's patience."""
        self._closing = True
        if self._due or self._under_way is None:
            self._give_up_at = workflow.now() + self._longest
        if self._due and self._under_way is not None:
            self._under_way.cancel()

    async def run(self) -> None:
        """Send for as long as the workflow runs. No failure ends this coroutine."""
        while True:
            await workflow.wait_condition(lambda: self._under_way is not None)
            if self._under_way is not None:
                await self._stored(self._under_way)

    async def _stored(self, sending: workflow.ActivityHandle[None]) -> None:
        again = False
        try:
            await sending
        except (ActivityError, asyncio.CancelledError) as failure:
            again = not self._due and (not self._closing or self._may_still_be_stored(failure))
        self._under_way = None
        if self._due or again:
            self._send(again=again)

    def _may_still_be_stored(self, failure: BaseException) -> bool:
        # The server ends an activity already when its next try would come too late. So if less than one pause is left,
        # the patience was the limit that has ended it.
        pause = timedelta(seconds=self._policy.retry_at_most_every)
        return _took_too_long(failure) and self._give_up_at - workflow.now() > pause

    def _send(self, *, again: bool = False) -> None:
        self._due = False
        if not self._closing:
            self._give_up_at = workflow.now() + self._longest
        self._under_way = workflow.start_activity(
            PROJECT_ORDER.name,
            self._order,
            task_queue=PROJECT_ORDER.context,
            summary=PlainText(PROJECT_ORDER.summary),
            start_to_close_timeout=timedelta(seconds=self._policy.try_for),
            schedule_to_close_timeout=self._limit(again=again),
            retry_policy=unlimited_retries(self._policy),
            priority=Priority(priority_key=PROJECT_ORDER.priority),
        )

    def _limit(self, *, again: bool) -> timedelta | None:
        if not self._order.status.final:
            return None
        if again:
            return self._give_up_at - workflow.now()
        return min(timedelta(seconds=self._policy.attention_after), self._longest)


def _took_too_long(failure: BaseException) -> bool:
    # A server tells it by the state of the retries, by the cause, or by both: releases differ.
    if not isinstance(failure, ActivityError):
        return False
    return failure.retry_state is RetryState.TIMEOUT or isinstance(failure.cause, ActivityTimeout)
