"""Updates of a running order: sent, accepted, carried out or refused."""

from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateHandle, WorkflowUpdateStage
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from api.http.errors import NoAnswerInTime
from api.http.temporal_calls import asking_temporal
from domain.common.errors import IllegalTransition, Refusal
from domain.installation import EngineerAct, EngineerAction
from domain.management_center.assignments import ManualAssignment
from domain.orders import Acknowledgement, CancelRequest, Message, RescheduleRequest, workflow_id

CARRY_OUT_WITHIN = 4.0
"""Seconds for what people say to be carried out."""

_REFUSALS = {refusal.code: refusal for refusal in Refusal.__subclasses__()}


@dataclass(frozen=True)
class Update:
    """What is said to an order."""

    name: Message | EngineerAction
    said: CancelRequest | EngineerAct | ManualAssignment | RescheduleRequest | Acknowledgement
    id: str
    """The same for the same decision, however often it is sent."""
    answer: type | None = None


class Updates:
    """The way of updates to the orders' workflows."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def send(self, order_id: str, update: Update, *, within: float) -> WorkflowUpdateHandle[Any]:
        """Start an update, and wait until a worker has accepted it.

        Raises:
            NoSuchWorkflow, Unavailable: as `asking_temporal`.
        """
        async with asking_temporal(within, of_worker=True) as timeout:
            start = partial(
                self._client.get_workflow_handle(workflow_id(order_id)).start_update,
                update.name,
                update.said,
                wait_for_stage=WorkflowUpdateStage.ACCEPTED,
                id=update.id,
                result_type=update.answer,
                rpc_timeout=timeout,
            )
            try:
                return await start()
            except RPCError as error:
                # That is how the server refuses an update that meets the very close of its workflow.
                if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                    raise
                return await start()

    async def carry_out(self, order_id: str, update: Update) -> Any:
        """What the order answers, once its saga has carried it out.

        Raises:
            Refusal: the order refuses.
            NoSuchWorkflow, Unavailable: as `asking_temporal`.
        """
        deadline = monotonic() + CARRY_OUT_WITHIN
        try:
            handle = await self.send(order_id, update, within=CARRY_OUT_WITHIN)
            async with asking_temporal(deadline - monotonic(), of_worker=True) as timeout:
                return await handle.result(rpc_timeout=timeout)
        except WorkflowUpdateFailedError as failure:
            if refusal := refusal_in(failure):
                raise refusal from failure
            raise NoAnswerInTime("the order did not carry it out") from failure


def refusal_in(failure: WorkflowUpdateFailedError) -> Refusal | None:
    """The domain's refusal that an order has answered an update with, if it is one.

    A refusal that only a later release knows is an `IllegalTransition` here, with the order's text.
    """
    cause = failure.cause
    # Only refusals are marked so: what the SDK could not deliver may succeed on another worker.
    if isinstance(cause, ApplicationError) and cause.non_retryable:
        return _REFUSALS.get(cause.type or "", IllegalTransition)(cause.message)
    return None
