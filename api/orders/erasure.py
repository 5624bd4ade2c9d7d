"""/orders/customers/…/personalData: erases a customer's data (개인정보 삭제), by a workflow of its own."""

from dataclasses import dataclass
from time import monotonic
from typing import Annotated

from fastapi import APIRouter, Path, Response
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from api.dependencies import AppServices
from api.http.errors import NoAnswerInTime
from api.http.fields import ResponseBody, Text
from api.http.problems import ProblemType
from api.http.temporal_calls import NoSuchWorkflow, temporal_call
from api.security.openapi import Answers, problem_responses
from api.security.routing import JsonRoute
from domain.common import contexts
from domain.common.errors import OrdersOpen
from domain.common.texts import PlainText
from domain.erasure import WORKFLOW_TYPE, Erased, Erasure, workflow_id

router = APIRouter(prefix="/orders/customers", tags=["orders"], route_class=JsonRoute)

START_WITHIN = 2.0
"""Seconds to start the workflow."""
ERASE_WITHIN = 4.0
"""Seconds from the request to the end of the erasure."""

CustomerId = Annotated[Text, Path(alias="customerId")]


class ErasureResponse(ResponseBody):
    """The result of an erasure."""

    erased_orders: int | None
    """The number of orders that this request has erased. `None` while it is not known."""


_RECORDED: Answers = {
    202: {
        "model": ErasureResponse,
        "description": "Recorded durably, but not done yet. Repeat the request to learn the result",
    }
}


@router.delete(
    "/{customerId:path}/personalData",
    response_model=ErasureResponse,
    responses=_RECORDED
    | problem_responses(
        ProblemType.NOT_FOUND, ProblemType.ORDERS_OPEN, ProblemType.TEMPORAL_UNAVAILABLE, ProblemType.NO_ANSWER_IN_TIME
    ),
)
async def erase(customer_id: CustomerId, services: AppServices) -> Response:
    """Erase the personal data of a customer whose orders have all ended.

    The orders stay as anonymous skeletons with their history. The request is safe to repeat.
    """
    erased = await services.get(ErasureClient).erase(customer_id)
    content = ErasureResponse(erased_orders=erased).model_dump_json(by_alias=True)
    return Response(content, 202 if erased is None else 200, media_type="application/json")


@dataclass(frozen=True)
class ErasureClient:
    """Starts erasures, one at a time for each customer."""

    client: Client

    async def erase(self, customer_id: str) -> int | None:
        """Erase a customer's data, and wait for the result.

        Returns:
            The number of orders; None if the erasure is durably recorded, but has no result yet.

        Raises:
            OrdersOpen: an order of the customer has not ended; nothing has been erased.
            NoAnswerInTime: the erasure could not be carried out.
            Unavailable: it is not known whether it has been recorded.
        """
        deadline = monotonic() + ERASE_WITHIN
        async with temporal_call(START_WITHIN) as timeout:
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
            async with temporal_call(deadline - monotonic(), by_worker=True) as timeout:
                erased = await handle.result(rpc_timeout=timeout)
        except (NoSuchWorkflow, WorkflowFailureError):
            # Somebody has ended the erasure from outside. A new request starts another.
            raise NoAnswerInTime("the erasure could not be carried out") from None
        except NoAnswerInTime:
            return None
        if erased.refused:
            raise OrdersOpen("an order of the customer has not ended")
        return int(erased.orders)
