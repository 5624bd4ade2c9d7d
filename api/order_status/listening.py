"""Listening to the event stream: where a listener begins, what it is sent, and when its stream ends."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import time
from typing import Annotated

import structlog
from anyio import BrokenResourceError
from fastapi import Depends, Header, Request
from fastapi.sse import ServerSentEvent

from api.dependencies import provided, services_of
from api.management_center.retirement import RetiredEngineers
from api.order_status.change_stream import ChangeStream
from api.order_status.schemas import LeftOrder, OrderStatusResponse
from api.security.authentication import CurrentCaller, TokenRevoked
from api.security.limits import client_of
from api.security.principals import Role
from api.security.views import shown
from domain.installation import ContactPolicy
from domain.order_status.view import OrderChange
from runtime.http_protocol import ABORT

StatusChanges = Annotated[ChangeStream, provided(ChangeStream)]

END_WITHIN = 5.0
"""Seconds after its token has expired in which a stream may end by itself."""
_LARGEST = 2**63 - 1
_log = structlog.get_logger(__name__)


async def _begin(
    request: Request,
    stream: StatusChanges,
    caller: CurrentCaller,
    last_event_id: Annotated[
        int | None, Header(ge=0, le=_LARGEST, description="The id of the last event that the client has received")
    ] = None,
) -> AsyncIterator[int]:
    # The code after the `yield` runs when the stream has ended.
    with stream.seat(client_of(caller, request)), _ended_by(caller.expires_at, request):
        try:
            yield await stream.position(last_event_id)
        except* BrokenResourceError:
            _log.debug("a listener has gone while an event waited for it")


Begin = Annotated[int, Depends(_begin)]
"""The sequence number after which a listener begins. The listener has a seat until its stream has ended."""


async def _no_longer_admitted(request: Request, caller: CurrentCaller, revoked: TokenRevoked) -> Callable[[], bool]:
    if caller.role is not Role.ENGINEER:
        return revoked
    retired = services_of(request).get(RetiredEngineers)
    return lambda: revoked() or retired.known(caller.subject)


NoLongerAdmitted = Annotated[Callable[[], bool], Depends(_no_longer_admitted)]
"""Tells whether the listener would not be admitted any more: the token is revoked, or the engineer has retired."""


@contextmanager
def _ended_by(expires_at: float | None, request: Request) -> Iterator[None]:
    """End the connection from outside when its token has expired, because a listener may not read how it ends."""
    abort = request.scope.get("extensions", {}).get(ABORT)
    if abort is None or expires_at is None:
        yield
        return
    timer = asyncio.get_running_loop().call_later(max(expires_at - time() + END_WITHIN, 0), abort)
    try:
        yield
    finally:
        timer.cancel()


def event_of(request: Request, change: OrderChange) -> ServerSentEvent:
    """Return the event that tells a listener of a change."""
    order = change.view.order
    answer: LeftOrder | OrderStatusResponse
    if change.left:
        answer = LeftOrder(order_id=order.order_id, engineer_id=None, version=order.version)
    else:
        contact = services_of(request).get(ContactPolicy).shows_order(change.history_now, datetime.now(UTC))
        response = OrderStatusResponse.of_view(change.view)
        answer = shown(request, response, customer_id=order.customer_id, contact=contact)
    return ServerSentEvent(raw_data=answer.model_dump_json(by_alias=True), event="orderStatus", id=str(change.sequence))
