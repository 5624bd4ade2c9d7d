"""The read model is told of an order's newest state, beside the saga and never in its way."""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.common.texts import PlainText
from domain.order_policy import OrderPolicy
from domain.order_status.view import PROJECT_ORDER
from domain.orders import Order
from workflows.common.retries import without_end


class Projector:
    """Sends the order as it stands whenever that is due; what becomes due meanwhile merges into the next sending."""

    def __init__(self, order: Order, policy: OrderPolicy) -> None:
        self._order = order
        self._policy = policy
        self._one_try = timedelta(seconds=policy.try_for)
        self._longest = timedelta(seconds=policy.projection_patience)
        self._due = False
        self._give_up_at: datetime | None = None
        self._under_way: workflow.ActivityHandle[None] | None = None

    @property
    def idle(self) -> bool:
        """Everything that was due has been stored, or (when closing) given up."""
        return not self._due and self._under_way is None

    def project(self) -> None:
        """Store the order as it stands: at once, or as soon as what is under way is done.

        At once, for what the saga starts next then ends with it, and one workflow task takes both.
        """
        self._due = True
        if self._under_way is None:
            self._send()

    def close(self) -> None:
        """From now on a state that cannot be stored within the policy's patience is given up."""
        self._give_up_at = workflow.now() + self._longest
        if self._due and self._under_way is not None:
            self._under_way.cancel()

    async def run(self) -> None:
        """Project for as long as the workflow lives; whatever happens, the coroutine goes on."""
        while True:
            await workflow.wait_condition(lambda: self._under_way is not None)
            if self._under_way is not None:
                await self._stored(self._under_way)

    async def _stored(self, sending: workflow.ActivityHandle[None]) -> None:
        try:
            await sending
        except (ActivityError, asyncio.CancelledError):
            self._due = self._due or self._give_up_at is None
        self._under_way = None
        if self._due:
            self._send()

    def _send(self) -> None:
        self._due = False
        self._under_way = workflow.start_activity(
            PROJECT_ORDER.name,
            self._order,
            task_queue=PROJECT_ORDER.context,
            summary=PlainText(PROJECT_ORDER.summary),
            start_to_close_timeout=self._one_try,
            schedule_to_close_timeout=self._patience(),
            retry_policy=without_end(self._policy),
        )

    def _patience(self) -> timedelta:
        if self._give_up_at is None:
            return self._longest
        return max(self._give_up_at - workflow.now(), self._one_try)
