"""Sends updates to the workflows of running orders."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateHandle, WorkflowUpdateStage
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from api.http.errors import NoAnswerInTime
from api.http.temporal_calls import temporal_call
from domain.common.errors import IllegalTransition, Refusal
from domain.common.seals import MALFORMED_MESSAGE
from domain.installation import EngineerAct, EngineerAction
from domain.management_center.assignments import ManualAssignment
from domain.orders import Acknowledgement, CancelRequest, Message, RescheduleRequest, workflow_id

CARRY_OUT_WITHIN = 4.0
"""Seconds for an order to carry out an update."""

_REFUSALS = {refusal.code: refusal for refusal in Refusal.__subclasses__()}


@dataclass(frozen=True)
class Update:
    """An update of an order."""

    name: Message | EngineerAction
    argument: CancelRequest | EngineerAct | ManualAssignment | RescheduleRequest | Acknowledgement
    id: str
    """Equal for the same decision, however often it is sent."""
    result_type: type | None = None


class Updates:
    """Sends updates to the orders' workflows."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def send(self, order_id: str, update: Update, *, within: float) -> WorkflowUpdateHandle[Any]:
        """Start an update, and wait until a worker has accepted it.

        Raises:
            NoSuchWorkflow, Unavailable: as `temporal_call`.
        """
        async with temporal_call(within, by_worker=True) as timeout:
            return await self._start(order_id, update, WorkflowUpdateStage.ACCEPTED, timeout)

    async def carry_out(self, order_id: str, update: Update) -> Any:
        """Send an update, and return the order's result once its saga has carried it out. This is one call.

        Raises:
            Refusal: the order refuses the update.
            NoSuchWorkflow, Unavailable: as `temporal_call`.
        """
        try:
            async with temporal_call(CARRY_OUT_WITHIN, by_worker=True) as timeout:
                handle = await self._start(order_id, update, WorkflowUpdateStage.COMPLETED, timeout)
                return await handle.result(rpc_timeout=timeout)
        except WorkflowUpdateFailedError as failure:
            if refusal := refusal_in(failure):
                raise refusal from failure
            raise NoAnswerInTime("the order did not carry out the request") from failure

    async def _start(
        self, order_id: str, update: Update, stage: WorkflowUpdateStage, within: timedelta
    ) -> WorkflowUpdateHandle[Any]:
        """Start an update, and wait until it has reached a stage. When it is completed, its handle has the result."""
        start = partial(
            self._client.get_workflow_handle(workflow_id(order_id)).start_update,
            update.name,
            update.argument,
            wait_for_stage=stage,
            id=update.id,
            result_type=update.result_type,
            rpc_timeout=within,
        )
        try:
            return await start()
        except RPCError as error:
            # The server refuses an update in this way if the workflow is just closing.
            if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                raise
            return await start()


def refusal_in(failure: WorkflowUpdateFailedError) -> Refusal | None:
    """Return the domain's refusal with which an order has answered an update, or None.

    A refusal that only a newer release knows becomes an `IllegalTransition` with the order's text.
    """
    cause = failure.cause
    # Only refusals are non-retryable. A failure of the SDK may not occur on another worker. A message that a worker
    # does not understand, or does not believe to be ours, says nothing about the order.
    if isinstance(cause, ApplicationError) and cause.non_retryable and cause.type != MALFORMED_MESSAGE:
        return _REFUSALS.get(cause.type or "", IllegalTransition)(cause.message)
    return None
