"""/orders/customers/…/personalData: a customer's data are erased (개인정보 삭제)."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.dependencies import Everything
from api.http.fields import ResponseBody, Text
from api.http.problems import ProblemType
from api.orders.erasure import ErasureClient
from api.security.openapi import Answers, problem_responses
from api.security.routing import JsonRoute

router = APIRouter(prefix="/orders/customers", tags=["orders"], route_class=JsonRoute)

CustomerId = Annotated[Text, Path(alias="customerId")]


class ErasureResponse(ResponseBody):
    """What has come of it."""

    erased_orders: int | None
    """This time; `None` while it is not known."""


_RECORDED: Answers = {
    202: {"model": ErasureResponse, "description": "Recorded for good, and not done yet: asking again tells"}
}


@router.delete(
    "/{customerId:path}/personalData",
    response_model=ErasureResponse,
    responses=_RECORDED
    | problem_responses(
        ProblemType.NOT_FOUND, ProblemType.ORDERS_OPEN, ProblemType.TEMPORAL_UNAVAILABLE, ProblemType.NO_ANSWER_IN_TIME
    ),
)
async def erase(customer_id: CustomerId, services: Everything) -> Response:
    """Erase what is known of a customer whose orders have all ended; what was done when stays, and nobody's.

    Safe to repeat, and nothing to do then.
    """
    erased = await services.get(ErasureClient).erase(customer_id)
    content = ErasureResponse(erased_orders=erased).model_dump_json(by_alias=True)
    return Response(content, 202 if erased is None else 200, media_type="application/json")
