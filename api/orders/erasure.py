"""The API's way to the workflow that erases a customer's data."""

from dataclasses import dataclass
from time import monotonic

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from api.http.errors import NoAnswerInTime
from api.http.temporal_calls import asking_temporal
from domain.common import contexts
from domain.common.errors import OrdersOpen
from domain.common.texts import PlainText
from domain.erasure import WORKFLOW_TYPE, Erased, Erasure, workflow_id

START_WITHIN = 2.0
"""Seconds."""
ERASE_WITHIN = 4.0
"""Seconds from the request to the end of the erasure."""


@dataclass(frozen=True)
class ErasureClient:
    """One at a time for each customer."""

    client: Client

    async def erase(self, customer_id: str) -> int | None:
        """Have a customer's data erased, to the end.

        Returns:
            How many orders it were; None where it is recorded for good, and not known yet.

        Raises:
            OrdersOpen: an order of the customer has not ended; nothing has been erased.
            Unavailable: it is not known whether it has been recorded.
        """
        deadline = monotonic() + ERASE_WITHIN
        async with asking_temporal(START_WITHIN) as timeout:
            handle = await self.client.start_workflow(
                WORKFLOW_TYPE,
                Erasure(customer_id),
                id=workflow_id(customer_id),
                task_queue=contexts.ORDER_STATUS,
                result_type=Erased,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=PlainText("개인정보 삭제 · Erasure of personal data"),
                rpc_timeout=timeout,
            )
        try:
            async with asking_temporal(deadline - monotonic(), of_worker=True) as timeout:
                erased = await handle.result(rpc_timeout=timeout)
        except NoAnswerInTime:
            return None
        if erased.refused:
            raise OrdersOpen("an order of the customer has not ended")
        return int(erased.orders)
