"""Starts the orders' workflows: a bounded number at once, each within its deadline, none twice.

While the workers lag behind, that number is one. Starting an order takes the same server, and on a small machine the
same CPU, as all steps of the orders already taken, and nothing else would hold a flood of new ones back.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic

from pydantic_core import to_json
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import RawValue, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.http.errors import IdempotencyKeyReused, NoAnswerInTime
from api.http.temporal_calls import NoSuchWorkflow, temporal_call
from api.orders.backlog_watch import BacklogWatch
from api.orders.lookup import ANSWER_WITHIN
from domain.common import contexts
from domain.orders import WORKFLOW_TYPE, Subscription, workflow_id
from workflows.orders import visibility

START_WITHIN = 2.4
"""Seconds from the request to the answer of `start_workflow`, including the wait for a slot."""
TURN_WITHIN = 2.0
"""Seconds for which a request waits for a slot while the limit of starts in flight is reached."""
FINGERPRINT = "fingerprint"
"""The memo field that distinguishes a repeated request from a different one with the same key."""


class Starting:
    """Starts the workflows of new orders."""

    def __init__(self, client: Client, backlog: BacklogWatch, *, most_in_flight: int) -> None:
        self._client = client
        self._backlog = backlog
        self._slots = asyncio.Semaphore(most_in_flight)
        self._one_by_one = asyncio.Lock()
        self.in_flight = 0

    async def start(self, subscription: Subscription, fingerprint: str) -> bool:
        """Place an order by one durable write, which needs no worker.

        Args:
            subscription: The order, and the policy that its workflow uses.
            fingerprint: Equal for a repeated request, and for no other.

        Returns:
            True if this request has placed the order, False if an earlier one has.

        Raises:
            IdempotencyKeyReused: the order's id belongs to another request.
            Unavailable: it is not known whether the order was placed.
        """
        deadline = monotonic() + START_WITHIN
        async with self._slot():
            try:
                await self._start(subscription, fingerprint, deadline - monotonic())
            except WorkflowAlreadyStartedError:
                try:
                    await self.compare(subscription.order.order_id, fingerprint)
                except NoSuchWorkflow as error:
                    raise NoAnswerInTime("the order with this key is about to be deleted") from error
                return False
        return True

    async def compare(self, order_id: str, fingerprint: str) -> None:
        """Check that a request with this fingerprint has placed the order.

        Raises:
            NoSuchWorkflow: Temporal knows no such order.
            IdempotencyKeyReused: a different request has placed it.
            Unavailable: it is not known which request has placed it.
        """
        async with temporal_call(ANSWER_WITHIN) as timeout:
            description = await self._client.get_workflow_handle(workflow_id(order_id)).describe(rpc_timeout=timeout)
            recorded = await description.memo_value(FINGERPRINT, None)
        if recorded != fingerprint:
            raise IdempotencyKeyReused("the key was used with another body")

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        self._backlog.order_comes()
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(TURN_WITHIN):
                    await held.enter_async_context(self._slots)
                    if self._backlog.lagging():
                        await held.enter_async_context(self._one_by_one)
            except TimeoutError as error:
                raise NoAnswerInTime("too many orders are being placed at once") from error
            self.in_flight += 1
            try:
                yield
            finally:
                self.in_flight -= 1

    async def _start(self, subscription: Subscription, fingerprint: str, within: float) -> None:
        order = subscription.order
        async with temporal_call(within) as timeout:
            await self._client.start_workflow(
                WORKFLOW_TYPE,
                _encoded(subscription),
                id=workflow_id(order.order_id),
                task_queue=contexts.ORDERS,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                memo={FINGERPRINT: _encoded(fingerprint)},
                search_attributes=visibility.first_attributes(order),
                static_summary=visibility.summary(order),
                rpc_timeout=timeout,
            )


def _encoded(value: object) -> RawValue:
    """Encode as the SDK would, but in a fifth of the time, and with Hangul unescaped."""
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=to_json(value)))
