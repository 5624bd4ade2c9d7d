"""Orders in Temporal: its list of workflows, which lags behind, and the workflows themselves."""

import base64
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryFailedError,
)
from temporalio.common import QueryRejectCondition
from temporalio.converter import WorkflowSerializationContext
from temporalio.service import RPCError, RPCStatusCode

from domain.common.errors import NotFound
from domain.orders import WORKFLOW_TYPE, Message, Order, Subscription, workflow_id
from runtime.payload_codec import NotBound

PAGE = 1000
"""Number of orders on a page: the most that Temporal's list returns at once."""
_WITHIN = timedelta(seconds=3)
_PAGE_WITHIN = timedelta(seconds=20)
"""Time for the list to return a page. It takes less than a second, but ten times as long beside a flood of orders."""
_TELL_WITHIN = timedelta(seconds=3)
"""Time for a worker to answer."""
_UNANSWERED = (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED, RPCStatusCode.FAILED_PRECONDITION)
_ORDERS = f"WorkflowType = '{WORKFLOW_TYPE}'"
_PREFIX = workflow_id("")


@dataclass
class QueriedOrder:
    """An order from its workflow."""

    order: Order
    answered: bool = True
    """Whether a worker has answered. If not, this is the order as it was placed."""
    carried: bool = True
    """Whether the workflow runs or has completed. If not, it was ended from outside."""


@dataclass
class Listed:
    """A page of the list: the newest workflow of each order, by order id."""

    workflows: dict[str, WorkflowExecution]
    next: str | None = None


class OrderWorkflows:
    """Workflows of all orders, open or retained.

    Every method raises `RPCError` if the server does not answer.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    async def started(self, since: datetime, until: datetime, after: str | None) -> Listed:
        """Return a page of the workflows that were started in this time, as far as the list has them."""
        return await self._list(
            f"{_ORDERS} AND StartTime >= '{since.isoformat()}' AND StartTime < '{until.isoformat()}'", after
        )

    async def of(self, order_ids: Collection[str]) -> Listed:
        """Return the workflows of some orders, at most a page."""
        if not order_ids:
            return Listed({})
        ids = ", ".join(f"'{workflow_id(order_id)}'" for order_id in order_ids)
        return await self._list(f"{_ORDERS} AND WorkflowId IN ({ids})", None)

    async def count(self) -> int:
        """Return the approximate number of workflows."""
        return (await self._client.count_workflows(_ORDERS, rpc_timeout=_WITHIN)).count

    async def query(self, order_id: str) -> QueriedOrder:
        """Return an order from its workflow, open or closed.

        Raises:
            NotFound: Temporal does not know the order (any more).
        """
        handle = self._client.get_workflow_handle(workflow_id(order_id))
        try:
            status = (await handle.describe(rpc_timeout=_WITHIN)).status
            if status is WorkflowExecutionStatus.COMPLETED:
                with suppress(WorkflowFailureError):
                    return QueriedOrder(await result_of(self._client, order_id, _WITHIN))
            carried, order = status is WorkflowExecutionStatus.RUNNING, await self._queried(order_id)
            if order is not None:
                return QueriedOrder(order, carried=carried)
            order = await placed_order(self._client, order_id, _WITHIN)
            return QueriedOrder(order, answered=False, carried=carried)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            raise NotFound("Temporal does not know the order") from error

    async def _list(self, query: str, after: str | None) -> Listed:
        token = None if after is None else base64.b64decode(after)
        pages = self._client.list_workflows(query, page_size=PAGE, next_page_token=token, rpc_timeout=_PAGE_WITHIN)
        await pages.fetch_next_page()
        newest: dict[str, WorkflowExecution] = {}
        for workflow in pages.current_page or ():
            order_id = workflow.id.removeprefix(_PREFIX)
            if order_id not in newest or newest[order_id].start_time < workflow.start_time:
                newest[order_id] = workflow
        token = pages.next_page_token
        return Listed(newest, None if token is None else base64.b64encode(token).decode())

    async def _queried(self, order_id: str) -> Order | None:
        """Return the order from a query, or `None` if no worker answers in time or the query fails."""
        try:
            return await queried(self._client, order_id, _TELL_WITHIN)
        except (RPCTimeoutOrCancelledError, WorkflowQueryFailedError):
            return None
        except RPCError as error:
            if error.status in _UNANSWERED:
                return None
            raise


async def queried(client: Client, order_id: str, within: timedelta, *, open_alone: bool = False) -> Order:
    """Return an order as a worker tells it. The worker replays a workflow that has closed.

    Args:
        client: Client of the workflow's namespace.
        order_id: Id of the order.
        within: Deadline of the call.
        open_alone: Do not query a workflow that has closed: its result is the same, and needs no worker.

    Raises:
        WorkflowQueryRejectedError: the workflow has closed, with `open_alone`.
        RPCError, WorkflowQueryFailedError: the server does not know the order, or no worker answers in time.
    """
    order: Order = await client.get_workflow_handle(workflow_id(order_id)).query(
        Message.ORDER,
        result_type=Order,
        reject_condition=QueryRejectCondition.NOT_OPEN if open_alone else None,
        rpc_timeout=within,
    )
    return order


async def result_of(client: Client, order_id: str, within: timedelta) -> Order:
    """Return the result of an order's workflow. This needs no worker.

    Raises:
        WorkflowFailureError: the workflow was ended from outside, or by somebody else's worker.
        RPCError: the server does not know the order, or does not answer; or the workflow is open.
    """
    handle = client.get_workflow_handle(workflow_id(order_id), result_type=Order)
    try:
        order: Order = await handle.result(rpc_timeout=within)
    except NotBound as error:
        raise WorkflowFailureError(cause=error) from error
    return order


async def placed_order(client: Client, order_id: str, within: timedelta) -> Order:
    """Return an order as it was placed. This needs no worker.

    Raises:
        NotFound: somebody else has started this workflow, and no order was placed.
        RPCError: the server does not know the order, or does not answer.
    """
    id_ = workflow_id(order_id)
    converter = client.data_converter.with_context(WorkflowSerializationContext(client.namespace, id_))
    async for event in client.get_workflow_handle(id_).fetch_history_events(page_size=1, rpc_timeout=within):
        payloads = event.workflow_execution_started_event_attributes.input.payloads
        if not payloads:
            break
        try:
            (subscription,) = await converter.decode(payloads[:1], [Subscription])
        except NotBound as error:
            raise NotFound("nobody has placed this order") from error
        order: Order = subscription.order
        return order
    raise NotFound("nobody has placed this order")
