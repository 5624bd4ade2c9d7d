"""/orders: taking orders (가입신청), looking at one, cancelling one."""

import hashlib
import re
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from api import problems
from api.bodies import DirectRoute, JsonRoute
from api.dependencies import OrderId, Orders, Services
from api.errors import IdempotencyKeyReused
from api.known_orders import Known
from api.openapi import Answers, answers
from api.problems import Kind
from api.schemas.orders import NewCancel, NewOrder, OrderShown
from domain.orders import CancelRequest, Subscription

router = APIRouter(prefix="/orders", tags=["orders"], route_class=JsonRoute)

_ANONYMOUS = "anonymous"
"""The client of a request that names none."""
_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key and body give the same order again",
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,200}$"},
}
_REPLAYED = {"Idempotent-Replayed": "true"}
_TAKEN: Answers = {
    200: {
        "model": OrderShown,
        "description": "The order that an earlier request with this key has placed",
        "headers": {"Idempotent-Replayed": {"schema": {"const": "true"}}},
    },
    201: {"headers": {"Location": {"schema": {"type": "string"}}}},
}
_RECORDED: Answers = {
    202: {"model": OrderShown, "description": "Recorded for good, and not done yet: asking again tells"}
}
_SILENT = (Kind.TEMPORAL_UNAVAILABLE, Kind.NO_ANSWER_IN_TIME)


def order_id_of(key: str | None) -> str:
    """The same for the same key of the same client; without a key, another each time."""
    if key is None:
        return uuid4().hex
    if not re.fullmatch(_KEY["schema"]["pattern"], key):
        raise HTTPException(400, "an idempotency key has 1 to 200 visible characters")
    return hashlib.blake2b(f"{_ANONYMOUS} {key}".encode(), digest_size=16).hexdigest()


async def place_order(given: NewOrder, request: Request) -> Response:
    """Take an order.

    A `503` carries `orderId`, for the order may have been taken: a retry with the same key tells, and so does `GET`.
    """
    services: Services = request.app.state.services
    key = request.headers.get(_KEY["name"])
    order_id = order_id_of(key)
    problems.note_order(request, order_id)
    if key is not None and (ended := await services.subscriptions.forgotten(order_id)):
        if not given.asks_for(ended):
            raise IdempotencyKeyReused("the key has been used with another body")
        return _shown(Known(ended), 200, _REPLAYED)
    order = given.order(order_id, at=datetime.now(UTC))
    started = await services.subscriptions.start(Subscription(order, services.policy), given.fingerprint())
    if started.replayed:
        return _shown(started.known, 200, _REPLAYED)
    services.first_rows.add(order)
    return _shown(started.known, 201, {"Location": f"/orders/{order_id}"})


router.add_api_route(
    "",
    place_order,
    methods=["POST"],
    status_code=201,
    response_model=OrderShown,
    responses=_TAKEN | answers(Kind.IDEMPOTENCY_KEY_REUSED, *_SILENT, body=True),
    openapi_extra={"parameters": [_KEY]},
    route_class_override=DirectRoute,
)


@router.get("/{orderId}", response_model=OrderShown, responses=answers(Kind.NOT_FOUND, *_SILENT))
async def get_order(order_id: OrderId, orders: Orders) -> Response:
    """The order as its workflow has it; when no worker answers, what is known otherwise, with `stale`."""
    return _shown(await orders.get(order_id), 200)


@router.post(
    "/{orderId}/cancel",
    response_model=OrderShown,
    responses=_RECORDED | answers(Kind.NOT_FOUND, Kind.ORDER_CANCEL_REJECTED, *_SILENT, body=True),
)
async def cancel_order(order_id: OrderId, orders: Orders, given: NewCancel | None = None) -> Response:
    """Cancel the order, and its installation with it."""
    reason = given.reason if given else None
    cancellation = await orders.cancel(order_id, CancelRequest(by="customer", reason=reason))
    return _shown(cancellation.known, 200 if cancellation.done else 202)


def _shown(known: Known, status: int, headers: dict[str, str] | None = None) -> Response:
    # Prepared here, for FastAPI would validate and copy it once more.
    content = OrderShown.of(known.order, stale=known.stale).model_dump_json(by_alias=True)
    return Response(content, status, headers, "application/json")
