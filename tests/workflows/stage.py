"""The environment of the saga's tests: workers, fake contexts in memory, and checks of every placed order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.worker import Interceptor, Replayer, Worker, WorkflowRunner

from domain.common import contexts
from domain.order_policy import OrderPolicy
from domain.orders import Order, Subscription, workflow_id
from runtime.payload_codec import for_worker, worker_converter
from tests.encryption import CONVERTER, guard
from tests.workflows.contexts import Contexts
from tests.workflows.placed import Placed
from workflows.common.message_guard import MessageGuard
from workflows.common.runner import sandbox
from workflows.event_delivery.delivery import EventDeliveryWorkflow
from workflows.event_delivery.ping import EventPingWorkflow
from workflows.event_delivery.relay import EventRelayWorkflow
from workflows.management_center.dispatch import DispatchWorkflow
from workflows.order_status.erasure import ErasureWorkflow
from workflows.order_status.reconciliation import ReconciliationWorkflow
from workflows.orders.subscription import SubscriptionWorkflow
from workflows.orders.visibility import first_attributes

QUICK = OrderPolicy(rounds=3, report_within=60 * 60, retry_at_most_every=0.05, try_for=60 * 60)
"""Short retry intervals, and tries that a test holds for as long as it needs. Everything else is the default."""
HASTY = replace(QUICK, try_for=0.5, attention_after=0.6)
"""Short limits until a step is given up, and until a person is needed."""
_SOON = timedelta(seconds=1)
_REPLAYED = 16
"""The largest number of histories that a stage replays. Orders that were placed together have similar ones."""


class Stage:
    """Workers for all contexts on one server. At its end, every placed order is checked."""

    def __init__(
        self, client: Client, *, max_cached_workflows: int = 1000, runner: WorkflowRunner | None = None
    ) -> None:
        self.client = client
        self.contexts = Contexts()
        self.placed: list[Placed] = []
        self._max_cached = max_cached_workflows
        self._runner = runner or sandbox(strict=True)
        self._others = AsyncExitStack()
        self._orders: Worker | None = None

    async def __aenter__(self) -> Self:
        await self._start_others()
        await self.start_orders()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if exc_type is None:
                await self.look_back()
        finally:
            for placed in self.placed:
                await placed.give_up()
            await self.stop_orders()
            self.contexts.close()
            await self._others.aclose()

    async def start_orders(self) -> None:
        """Start the worker of the saga."""
        self._orders = Worker(
            for_worker(self.client),
            task_queue=contexts.ORDERS,
            workflows=[SubscriptionWorkflow],
            workflow_runner=self._runner,
            interceptors=[guard(self.client)],
            max_cached_workflows=self._max_cached,
            sticky_queue_schedule_to_start_timeout=_SOON,
        )
        await self._orders.__aenter__()

    async def stop_orders(self) -> None:
        """Stop the worker of the saga. The orders keep their state."""
        if self._orders is not None:
            worker, self._orders = self._orders, None
            await worker.__aexit__(None, None, None)

    async def hand_over(self, client: Client) -> None:
        """Replace the workers, one after the other, by workers with another client."""
        self.client, before = client, self._others
        await self._start_others()
        await before.aclose()
        await self.stop_orders()
        await self.start_orders()

    async def _start_others(self) -> None:
        self._others = AsyncExitStack()
        for queue, activities in self.contexts.activities().items():
            worker = Worker(
                for_worker(self.client), task_queue=queue, activities=activities, interceptors=[guard(self.client)]
            )
            await self._others.enter_async_context(worker)

    @staticmethod
    def new_id() -> str:
        """Return an id for an order, so that faults can be ordered before it is placed."""
        return uuid4().hex

    async def place(self, policy: OrderPolicy = QUICK, **details: Any) -> Placed:
        """Place an order."""
        order = Order(order_id=self.new_id(), customer_id="1", product_name="internet", installation_address="Seoul")
        order = replace(order, **details)
        order.mark_ordered(at=datetime.now(UTC))
        await self.client.start_workflow(
            SubscriptionWorkflow.run,
            Subscription(order, policy),
            id=workflow_id(order.order_id),
            task_queue=contexts.ORDERS,
            search_attributes=first_attributes(order),
        )
        placed = Placed(self.client, order.order_id, self.contexts)
        self.placed.append(placed)
        return placed

    async def look_back(self) -> None:
        """Check that no rule was broken, that no workflow task failed, and that every ended order is complete."""
        assert self.contexts.broken == []
        histories = await asyncio.gather(*(placed.handle.fetch_history() for placed in self.placed))
        for placed, history in zip(self.placed, histories, strict=True):
            stumbles = [event for event in history.events if stumbled(event)]
            assert not stumbles, stumbles
            if history.events[-1].event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
                self._ended_whole(placed, await placed.result(projected=False))
        await replay(
            *histories[:: len(histories) // _REPLAYED + 1],
            interceptors=[given for given in self.client.config()["interceptors"] if isinstance(given, Interceptor)],
            converter=self.client.data_converter,
        )

    def _ended_whole(self, placed: Placed, order: Order) -> None:
        assert order.status.final
        assert order.attention is None
        assert placed.order_id in self.contexts.closed


def stumbled(event: HistoryEvent) -> bool:
    """Return whether an event shows a failure of the saga's code, or an end that no order should have."""
    failed = event.workflow_task_failed_event_attributes.cause
    return event.event_type in _WRONG_ENDS or failed not in _NO_FAULT_OF_OURS


_WRONG_ENDS = (EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED)
_NO_FAULT_OF_OURS = (
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNSPECIFIED,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW,
    # A message came in while the order was closing, and is heard before it does.
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
)


async def replay(
    *histories: WorkflowHistory,
    interceptors: Sequence[Interceptor] = (),
    converter: DataConverter = CONVERTER,
    runner: WorkflowRunner | None = None,
) -> None:
    """Replay histories with the workflows' code, and with additional interceptors or another runner if given.

    Raises:
        NondeterminismError: the code makes different decisions than the history has.
    """
    replayer = Replayer(
        workflows=[
            SubscriptionWorkflow,
            DispatchWorkflow,
            ReconciliationWorkflow,
            ErasureWorkflow,
            EventRelayWorkflow,
            EventDeliveryWorkflow,
            EventPingWorkflow,
        ],
        workflow_runner=runner or sandbox(strict=True),
        interceptors=[*interceptors, MessageGuard()],
        data_converter=worker_converter(converter),
    )

    async def one_by_one() -> AsyncIterator[WorkflowHistory]:
        for history in histories:
            yield history

    await replayer.replay_workflows(one_by_one())
