"""/orders/customers/…/personalData: a customer's data are erased (개인정보 삭제)."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.dependencies import Everything
from api.http.fields import Shown, Text
from api.http.problems import Kind
from api.orders.erasure import Erasures
from api.security.openapi import Answers, answers
from api.security.routing import JsonRoute

router = APIRouter(prefix="/orders/customers", tags=["orders"], route_class=JsonRoute)

CustomerId = Annotated[Text, Path(alias="customerId")]


class ErasureShown(Shown):
    """What has come of it."""

    erased_orders: int | None
    """This time; `None` while it is not known."""


_RECORDED: Answers = {
    202: {"model": ErasureShown, "description": "Recorded for good, and not done yet: asking again tells"}
}


@router.delete(
    "/{customerId:path}/personalData",
    response_model=ErasureShown,
    responses=_RECORDED | answers(Kind.NOT_FOUND, Kind.ORDERS_OPEN, Kind.TEMPORAL_UNAVAILABLE, Kind.NO_ANSWER_IN_TIME),
)
async def erase(customer_id: CustomerId, services: Everything) -> Response:
    """Erase what is known of a customer whose orders have all ended; what was done when stays, and nobody's.

    Safe to repeat, and nothing to do then.
    """
    erased = await services.get(Erasures).erase(customer_id)
    content = ErasureShown(erased_orders=erased).model_dump_json(by_alias=True)
    return Response(content, 202 if erased is None else 200, media_type="application/json")
