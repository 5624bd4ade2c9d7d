"""Looks up an order: from its workflow, or from other sources if that does not answer."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError

from api.http.errors import NoAnswerInTime, Unavailable
from api.http.temporal_calls import NoSuchWorkflow, temporal_call
from domain.common.errors import NotFound, StoreUnavailable
from domain.order_status.view import OrderView
from domain.orders import Order, OrderStatus, workflow_id
from runtime.order_workflows import placed_order, queried, result_of
from stores.order_status.view import OrderStatusStore
from workflows.orders import visibility

ANSWER_WITHIN = 1.0
"""Seconds for each source that needs no worker."""
TELL_WITHIN = 1.0
"""Seconds for a worker to answer."""
FIRST_TRY = 0.4
"""The fraction of that time for the first query: the server sometimes does not answer a query that meets an update."""
LOOK_WITHIN = 0.3
"""Seconds for a read of the read model that a new order waits for."""


@dataclass(frozen=True)
class Known:
    """An order, and whether it may have changed since."""

    order: Order
    stale: bool = False
    view: OrderView | None = None
    """The row of the read model, if the order was read from there."""


class OrderLookup:
    """Asks the sources by authority: the workflow, the read model, Temporal's record of the workflow."""

    def __init__(self, client: Client, rows: OrderStatusStore) -> None:
        self._client = client
        self._rows = rows

    async def current(self, order_id: str, *, within: float | None = None, in_all: float | None = None) -> Known:
        """Return the current order from its workflow. If that does not answer, use the fallback.

        Args:
            order_id: The order.
            within: Seconds for a worker to answer.
            in_all: Seconds for all sources together. By default, each has its own.

        Raises:
            NotFound: nobody knows such an order.
            Unavailable, StoreUnavailable: who might know does not answer.
        """
        until = None if in_all is None else monotonic() + in_all
        result_within = None if in_all is None else in_all / 4
        try:
            return Known(await self.from_workflow(order_id, within=within, result_within=result_within))
        except NoSuchWorkflow:
            # The workflow was deleted or terminated, so nothing is newer than a final row.
            order = (await self._fallback(order_id, until)).order
            return Known(order, stale=not order.status.final)
        except Unavailable:
            return await self._fallback(order_id, until)

    async def from_workflow(
        self, order_id: str, *, within: float | None = None, result_within: float | None = None
    ) -> Order:
        """Return the order from its workflow: by a query while it is open, by its result after it has completed.

        Args:
            order_id: The order.
            within: Seconds for a worker to answer the query.
            result_within: Seconds for the server to return the result.

        Raises:
            NoSuchWorkflow, Unavailable: as `temporal_call`.
        """
        within = TELL_WITHIN if within is None else within
        try:
            try:
                return await self._queried(order_id, within * FIRST_TRY)
            except NoAnswerInTime:
                return await self._queried(order_id, within * (1 - FIRST_TRY))
        except NoSuchWorkflow:
            try:
                return await self._result(order_id, result_within)
            except WorkflowFailureError as failure:
                # A workflow that was ended from outside does not know how its order ended.
                raise NoSuchWorkflow from failure

    async def fallback(
        self, order_id: str, *, within: float | None = None, record_within: float | None = None
    ) -> Known:
        """Return what is known without a worker.

        Args:
            order_id: The order.
            within: Seconds for the read model, before Temporal's record is read.
            record_within: Seconds for Temporal's record.

        Raises:
            NotFound: nobody knows such an order.
            Unavailable, StoreUnavailable: who might know does not answer.
        """
        try:
            view = await self.row(order_id, within=within)
            return Known(view.order, stale=True, view=view)
        except (NotFound, StoreUnavailable) as error:
            try:
                return Known(await self._record(order_id, record_within), stale=True)
            except NoSuchWorkflow:
                raise error from None

    async def final(self, order_id: str) -> Order:
        """Return the last state of an order whose workflow is closed.

        If this release does not know the status, only the result of the workflow tells that the status is final.

        Raises:
            NotFound: nobody knows such an order.
            Unavailable, StoreUnavailable: a source that may know does not answer, or only a newer release knows the
                status.
        """
        try:
            return await self._result(order_id)
        except (NoSuchWorkflow, WorkflowFailureError):
            order = (await self.fallback(order_id)).order
            if not order.status.known:
                raise NoAnswerInTime(f"the order is {order.status}, which only a newer release understands") from None
            return order

    async def expired(self, order_id: str) -> Order | None:
        """Return the order if it has ended and only the read model still has it, otherwise None.

        Raises:
            Unavailable: Temporal does not tell whether it still has the order.
        """
        try:
            order = (await self.row(order_id, within=LOOK_WITHIN)).order
        except (NotFound, StoreUnavailable):
            return None
        if order.status.known and not order.status.final:
            return None
        try:
            async with temporal_call(ANSWER_WITHIN) as timeout:
                await self._client.get_workflow_handle(workflow_id(order_id)).describe(rpc_timeout=timeout)
        except NoSuchWorkflow:
            return order
        return None

    async def row(self, order_id: str, *, within: float | None = None) -> OrderView:
        """Return the order from the read model.

        Raises:
            NotFound: the order is not in the read model.
            StoreUnavailable: the read model does not answer.
        """
        within = ANSWER_WITHIN if within is None else within
        try:
            # Two timeouts, for the reason given in `Pool._answering`.
            async with asyncio.timeout(within), asyncio.timeout(within * 0.95):
                return await self._rows.get(order_id)
        except TimeoutError as error:
            raise StoreUnavailable("the read model did not answer in time") from error

    async def _fallback(self, order_id: str, until: float | None) -> Known:
        """Return what is known without a worker, by a time of the monotonic clock if one is given."""
        left = None if until is None else max(until - monotonic(), 0) / 2
        return await self.fallback(order_id, within=left, record_within=left)

    async def _queried(self, order_id: str, within: float) -> Order:
        async with temporal_call(within, by_worker=True) as timeout:
            return await queried(self._client, order_id, timeout, open_alone=True)

    async def _record(self, order_id: str, within: float | None = None) -> Order:
        """Return the order from Temporal's record of its workflow: the result, or the input and the attributes."""
        handle = self._client.get_workflow_handle(workflow_id(order_id))
        async with temporal_call(ANSWER_WITHIN if within is None else within) as timeout:
            description = await handle.describe(rpc_timeout=timeout)
            if description.status is WorkflowExecutionStatus.COMPLETED:
                # A result that is not ours (see `result_of`) says nothing, but the order was placed all the same.
                with suppress(WorkflowFailureError):
                    return await self._result(order_id)
            order = await placed_order(self._client, order_id, timeout)
        attributes = description.typed_search_attributes
        order.status = OrderStatus(attributes.get(visibility.ORDER_STATUS, order.status.value))
        order.region = attributes.get(visibility.REGION)
        order.engineer_id = attributes.get(visibility.ENGINEER_ID)
        return order

    async def _result(self, order_id: str, within: float | None = None) -> Order:
        async with temporal_call(ANSWER_WITHIN if within is None else within) as timeout:
            return await result_of(self._client, order_id, timeout)
