"""Activities of the erasure in the read model, and the deletion of the orders' workflows."""

import asyncio
from collections.abc import Collection
from datetime import timedelta

from temporalio import activity
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.common.serving import carries_out
from domain.erasure import ERASE_FIND, ERASE_VIEW, ERASE_WORKFLOWS, CustomersOrders, Erasure
from domain.orders import workflow_id
from domain.visits import VisitGrid
from stores.common.database import Database
from stores.order_status.erasure import ErasureStore

_WITHIN = timedelta(seconds=3)
_BETWEEN_LOOKS = 0.5
"""Seconds. The server deletes asynchronously: an order that has just ended, after half a minute."""

Run = tuple[str, str]
"""Ids of a workflow and of one of its runs."""


class ErasureActivities:
    """Activities of `ErasureWorkflow`. Each handles a batch of orders, and can be repeated."""

    def __init__(self, database: Database, client: Client, grid: VisitGrid) -> None:
        self._store = ErasureStore(database, grid)
        self._client = client

    @carries_out(ERASE_FIND)
    async def find(self, request: Erasure) -> CustomersOrders:
        """Find the customer's orders in the view."""
        return await self._store.orders_of(request.customer_id)

    @carries_out(ERASE_WORKFLOWS)
    async def delete_workflows(self, request: CustomersOrders) -> None:
        """Delete every run of the orders' workflows with its history, and wait until they are gone."""
        ids = [workflow_id(order_id) for order_id in request.order_ids]
        requested: set[Run] = set()
        while runs := await self._newest(ids) | await self._listed(ids):
            for id_, run_id in runs - requested:
                activity.heartbeat()
                await self._delete(id_, run_id)
            requested |= runs
            await asyncio.sleep(_BETWEEN_LOOKS)

    @carries_out(ERASE_VIEW)
    async def erase_view(self, request: CustomersOrders) -> None:
        """Erase the orders in the view, except their skeletons."""
        async for _ in self._store.erase_changes(request.order_ids):
            activity.heartbeat()
        await self._store.erase(request.order_ids)

    async def _newest(self, ids: Collection[str]) -> set[Run]:
        """Return the newest run of each workflow, from the server itself, because the list lags behind."""
        runs = set()
        for id_ in ids:
            activity.heartbeat()
            try:
                found = await self._client.get_workflow_handle(id_).describe(rpc_timeout=_WITHIN)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                continue
            if found.status is WorkflowExecutionStatus.RUNNING:
                # Deleting a running workflow would terminate it.
                raise ApplicationError("an order's workflow has not closed yet")
            runs.add((id_, found.run_id))
        return runs

    async def _listed(self, ids: Collection[str]) -> set[Run]:
        """Return all listed runs, including earlier runs of orders that an operator has reset."""
        named = ", ".join(f"'{id_}'" for id_ in ids)
        listed = self._client.list_workflows(f"WorkflowId IN ({named})", rpc_timeout=_WITHIN)
        return {(one.id, one.run_id) async for one in listed}

    async def _delete(self, id_: str, run_id: str) -> None:
        execution = WorkflowExecution(workflow_id=id_, run_id=run_id)
        request = DeleteWorkflowExecutionRequest(namespace=self._client.namespace, workflow_execution=execution)
        try:
            await self._client.workflow_service.delete_workflow_execution(request, timeout=_WITHIN)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
