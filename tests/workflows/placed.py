"""One order on a server, as a client uses it."""

import asyncio
from collections.abc import Awaitable, Collection, Coroutine, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar
from uuid import uuid4

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes, HistoryEvent
from temporalio.api.update.v1 import UpdateRef
from temporalio.api.workflowservice.v1 import PollWorkflowExecutionUpdateRequest
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain.installation import EngineerAct
from domain.management_center.assignments import Assignment, ManualAssignment
from domain.management_center.dispatch import Reconsider
from domain.orders import Acknowledgement, CancelRequest, Order, OrderStatus, RescheduleRequest, workflow_id
from tests.eventually import PATIENCE
from tests.workflows.contexts import Contexts
from tests.workflows.waiting import eventually, until_quiet, within
from workflows.orders.subscription import SubscriptionWorkflow

Answer = TypeVar("Answer")

_RPC = timedelta(seconds=PATIENCE)
_ASK_AGAIN = (RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.UNAVAILABLE)
"""The server's answers to an update that it has taken back: the workflow task that had it was given up, for example
because it closed the workflow while something else came in. The API, or its client after a 503, asks again as well."""


class Way(StrEnum):
    """The ways to cancel."""

    UPDATE = "update"
    SIGNAL = "signal"
    NATIVE = "native"


class Placed:
    """A placed order, with a method for every message."""

    def __init__(self, client: Client, order_id: str, contexts: Contexts) -> None:
        self.order_id = order_id
        self.contexts = contexts
        self.handle = client.get_workflow_handle_for(SubscriptionWorkflow.run, workflow_id(order_id))
        self._client = client
        self._updates: list[str] = []

    async def order(self) -> Order:
        """Query the order from its workflow."""
        order = await within(self.handle.query(SubscriptionWorkflow.current_order, rpc_timeout=_RPC))
        self.contexts.check(order)
        return order

    @property
    def row(self) -> Order:
        """The order in the read model."""
        stored = self.contexts.projected[self.order_id]
        return stored[-1] if stored else Order()

    async def until(self, *statuses: OrderStatus) -> Order:
        """Wait until the read model has one of these statuses."""
        await self.contexts.until(lambda: self.row.order_id != "" and self.row.status in statuses)
        return self.row

    async def until_with(self, status: OrderStatus, engineer_id: str | None, *visit: datetime | None) -> Order:
        """Wait until the read model has this status and engineer (and this start of the visit, if given)."""

        def shown() -> bool:
            row = self.row
            start = row.visit.start if row.visit else None
            return (row.status, row.engineer_id) == (status, engineer_id) and visit in ((), (start,))

        await self.contexts.until(shown)
        return self.row

    async def until_told(self, status: OrderStatus) -> Order:
        """Wait until the workflow has this status, for tests without a projection."""

        async def so() -> bool:
            return (await self.order()).status is status

        await eventually(so)
        return await self.order()

    async def until_attention(self, reason: str | None) -> Order:
        """Wait until the read model shows that a person is needed for this reason, or (`None`) that nobody is."""

        def shown() -> bool:
            attention = self.row.attention
            return self.row.order_id != "" and (attention.reason if attention else None) == reason

        await self.contexts.until(shown)
        return self.row

    async def accept(self, engineer_id: str = "e1", round_: int = 0) -> None:
        await self._update("accept", EngineerAct(engineer_id, round_))

    async def decline(self, engineer_id: str = "e1", round_: int = 0, reason: str | None = None) -> None:
        await self._update("decline", EngineerAct(engineer_id, round_, reason))

    async def start(self, engineer_id: str = "e1", round_: int = 0) -> None:
        await self._update("start", EngineerAct(engineer_id, round_))

    async def complete(self, engineer_id: str = "e1", round_: int = 0, **said: Any) -> None:
        await self._update("complete", EngineerAct(engineer_id, round_, **said))

    async def incomplete(self, engineer_id: str = "e1", round_: int = 0, reason: str = "CUSTOMER_ABSENT") -> None:
        await self._update("incomplete", EngineerAct(engineer_id, round_, reason))

    async def assign(self, engineer_id: str) -> Assignment:
        answer = await self._update("assign_engineer", ManualAssignment(engineer_id, by="manager:m1"), Assignment)
        assert isinstance(answer, Assignment)
        assert answer.engineer_id == engineer_id
        return answer

    async def reschedule(self, start: datetime, by: str = "customer") -> Order:
        order = await self._tell("reschedule", RescheduleRequest(start, by))
        assert order.visit is not None
        assert order.visit.start == start
        return order

    async def reconsider(self, round_: int | None = None) -> None:
        """Send the management center's request to decide again, with the current or an earlier round."""
        await self._update("reconsider", Reconsider(self.contexts.rounds[self.order_id] if round_ is None else round_))

    async def acknowledge(self, by: str = "manager:m1") -> Order:
        return await self._tell("acknowledge", Acknowledgement(by))

    async def cancel(self, way: Way = Way.UPDATE, reason: str = "moved away") -> Order | None:
        """Cancel the order. An update returns it, the other ways return nothing."""
        request = CancelRequest("customer", reason)
        match way:
            case Way.UPDATE:
                return await self._tell("cancel", request)
            case Way.SIGNAL:
                await within(self.handle.signal(SubscriptionWorkflow.request_cancel, request))
            case Way.NATIVE:
                await within(self.handle.cancel(reason=reason))
        return None

    async def result(self, *, projected: bool = True) -> Order:
        """Return the final order, after checking that the read model has it (unless not `projected`)."""
        order = await within(self.handle.result())
        self.contexts.check(order)
        assert self.row == order or not projected
        return order

    async def until_quiet(self, *, but: Collection[str] = ()) -> None:
        """Wait until nothing is running (`but` these commands), so that the next event is the test's own message."""
        await until_quiet(self.handle, but=but)

    async def events(self) -> Sequence[HistoryEvent]:
        """Return the history's events, without the workflow tasks that a busy machine has let time out."""
        events = (await self.handle.fetch_history()).events
        timed_out: set[int] = set()
        for event in events:
            if event.HasField("workflow_task_timed_out_event_attributes"):
                of = event.workflow_task_timed_out_event_attributes
                timed_out |= {event.event_id, of.scheduled_event_id, of.started_event_id}
        return [event for event in events if event.event_id not in timed_out]

    async def scheduled(self, name: str) -> list[ActivityTaskScheduledEventAttributes]:
        """Return how a command was sent, each time."""
        events = (await self.handle.fetch_history()).events
        sent = [event.activity_task_scheduled_event_attributes for event in events]
        return [one for one in sent if one.activity_type.name == name]

    async def until_sent(self, name: str, *, times: int) -> None:
        """Wait until the workflow has sent a command so many times. Its tries do not count."""

        async def sent() -> bool:
            return len(await self.scheduled(name)) >= times

        await eventually(sent)

    async def give_up(self) -> None:
        """Terminate the workflow."""
        with suppress(RPCError):
            await self.handle.terminate()

    async def put(self, message: Coroutine[Any, Any, Answer]) -> "asyncio.Task[Answer]":
        """Send one of the messages above, and wait only until the server has it, not for its answer."""
        known = len(self._updates)
        sending = asyncio.create_task(message)
        await asyncio.sleep(0)
        if len(self._updates) == known:
            await sending
            return sending
        update_id = self._updates[-1]

        async def arrived() -> bool:
            return sending.done() or await self._admitted(update_id)

        await eventually(arrived)
        return sending

    async def _tell(self, name: str, arg: object) -> Order:
        order = await self._update(name, arg, Order)
        assert isinstance(order, Order)
        self.contexts.check(order)
        return order

    async def _update(self, name: str, arg: object, answered: type | None = None) -> object:
        update_id = uuid4().hex
        self._updates.append(update_id)

        async def answer() -> object:
            while True:
                try:
                    return await self.handle.execute_update(name, arg, id=update_id, result_type=answered)
                except RPCError as error:
                    if error.status not in _ASK_AGAIN:
                        raise

        return await within(answer())

    async def _admitted(self, update_id: str) -> bool:
        execution = WorkflowExecution(workflow_id=self.handle.id)
        ref = UpdateRef(workflow_execution=execution, update_id=update_id)
        try:
            await self._client.workflow_service.poll_workflow_execution_update(
                PollWorkflowExecutionUpdateRequest(namespace=self._client.namespace, update_ref=ref), timeout=_RPC
            )
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return True


async def refusal(doing: Awaitable[Any]) -> str | None:
    """Return the type of an update's refusal, or None if it is not refused."""
    try:
        await doing
    except WorkflowUpdateFailedError as failed:
        cause = failed.cause
    else:
        return None
    assert isinstance(cause, ApplicationError), cause
    return cause.type
