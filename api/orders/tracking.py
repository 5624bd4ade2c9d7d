"""/orders/{orderId}/trackingTokens: lets people without an account follow an order."""

from datetime import UTC, datetime

from fastapi import APIRouter

from api.dependencies import OrderId
from api.http.fields import ResponseBody, Time
from api.http.problems import ProblemType
from api.orders.dependencies import Orders
from api.security.authentication import CurrentCaller, Tracking
from api.security.openapi import problem_responses
from api.security.routing import JsonRoute
from domain.common.errors import NotFound

router = APIRouter(prefix="/orders", tags=["orders"], route_class=JsonRoute)


class TrackingTokenResponse(ResponseBody):
    """A bearer token for one order. Whoever has it may read, reschedule and cancel the order as its customer."""

    token: str
    expires_at: Time


@router.post(
    "/{orderId}/trackingTokens",
    status_code=201,
    responses=problem_responses(ProblemType.NOT_FOUND, ProblemType.TEMPORAL_UNAVAILABLE, ProblemType.NO_ANSWER_IN_TIME),
)
async def make_tracking_token(
    order_id: OrderId, orders: Orders, caller: CurrentCaller, tracking: Tracking
) -> TrackingTokenResponse:
    """Make a token for somebody without an account, good until some days after the visit as it is booked now."""
    if tracking is None:
        raise NotFound("this service makes no tracking tokens")
    order = (await orders.get(order_id)).order
    caller.require(order)
    token, expires_at = tracking.make(order, datetime.now(UTC))
    return TrackingTokenResponse(token=token, expires_at=expires_at)
