"""/orderStatuses: the state of every order (진행상태), from the read model alone."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from time import time
from typing import Annotated, Literal

import structlog
from anyio import BrokenResourceError
from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import AfterValidator, FailFast

from api.dependencies import OrderId, provided
from api.http.errors import Forbidden
from api.http.fields import Cursor, Id, Limit, Page, Region, Text, known
from api.http.problems import ProblemType
from api.order_status.change_stream import ChangeStream
from api.order_status.schemas import OrderStatusResponse, OrderStatusSummary, Totals
from api.security.authentication import AuthorizedOrder, CurrentCaller, TokenRevoked
from api.security.limits import client_of
from api.security.openapi import problem_responses
from api.security.principals import Role
from api.security.routing import JsonRoute
from api.security.views import attention_seen, shown
from domain.order_status.view import OrderFilter, OrderView, Sort
from domain.orders import AttentionReason, OrderStatus
from runtime.http_protocol import ABORT
from stores.order_status.view import OrderStatusStore

StatusStore = Annotated[OrderStatusStore, provided(OrderStatusStore)]
StatusChanges = Annotated[ChangeStream, provided(ChangeStream)]

router = APIRouter(prefix="/orderStatuses", tags=["orderStatuses"], route_class=JsonRoute)

END_WITHIN = 5.0
"""Seconds after its token has expired in which a stream may end by itself."""
_log = structlog.get_logger(__name__)

_LISTING = problem_responses(ProblemType.MALFORMED_REQUEST, ProblemType.NO_ANSWER_IN_TIME)
_LARGEST = 2**63 - 1


KnownStatus = Annotated[OrderStatus, AfterValidator(known)]
KnownReason = Annotated[AttentionReason, AfterValidator(known)]
SortBy = Literal["orderDate", "-orderDate", "updatedAt", "-updatedAt", "attentionSince", "-attentionSince"]
"""`-` for descending."""


async def _wanted(
    caller: CurrentCaller,
    status: Annotated[tuple[KnownStatus, ...], FailFast(), Query(max_length=20)] = (),
    region: Annotated[tuple[Region, ...], FailFast(), Query(max_length=50)] = (),
    engineer_id: Annotated[Id | None, Query(alias="engineerId")] = None,
    customer_id: Annotated[Text | None, Query(alias="customerId")] = None,
    attention: Annotated[Literal["true", "false"] | KnownReason | None, Query()] = None,
    q: Annotated[Text | None, Query(description="An order id, an engineer's name, or part of an address")] = None,
) -> OrderFilter:
    caller.resolve(Role.CUSTOMER, customer_id)
    caller.within(region)
    seen = attention_seen(caller)
    return OrderFilter(status, region, engineer_id, customer_id, attention, q, caller.reach, seen)


Wanted = Annotated[OrderFilter, Depends(_wanted)]


@router.get("", responses=_LISTING)
async def list_orders(
    request: Request,
    store: StatusStore,
    wanted: Wanted,
    caller: CurrentCaller,
    sort: Annotated[
        SortBy | None,
        Query(
            description="The default with `attention` is `attentionSince`. A role that does not see every reason for "
            "attention can sort by `attentionSince` only with `attention=true` or a reason"
        ),
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[OrderStatusSummary]:
    """List the orders that meet every condition: the newest first, or with `attention`, the longest-waiting first."""
    if sort is None:
        sort = "-orderDate" if wanted.attention in (None, "false") else "attentionSince"
    if sort.endswith("attentionSince") and wanted.attention in (None, "false") and attention_seen(caller) is not None:
        raise Forbidden("your role may sort by attention only what it finds by attention")
    by, descending = Sort(sort.removeprefix("-")), sort.startswith("-")
    page = await store.list(wanted, by, descending, limit, cursor)
    items = [
        shown(request, OrderStatusSummary.of_view(view), customer_id=view.order.customer_id) for view in page.items
    ]
    return Page(items=items, next_cursor=page.next_cursor)


@router.get("/summary", responses=problem_responses(ProblemType.NO_ANSWER_IN_TIME))
async def get_summary(store: StatusStore, caller: CurrentCaller) -> Totals:
    """Count the orders by status and region."""
    return Totals.model_validate(await store.summary(caller.within(())))


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


@router.get("/events", response_class=EventSourceResponse, responses=_LISTING)
async def listen(
    request: Request,
    stream: StatusChanges,
    wanted: Wanted,
    begin: Annotated[int, Depends(_begin)],
    caller: CurrentCaller,
    revoked: TokenRevoked,
) -> AsyncIterator[ServerSentEvent]:
    """Stream each version of an order that is stored from now on, or after `Last-Event-ID`.

    `id` is a rising sequence number, `event` is `orderStatus`, and `data` is the order as
    `GET /orderStatuses/{orderId}` returns it. The stream ends when the token of the request expires or is revoked.
    """
    async with aclosing(stream.changes(begin, wanted, ends_at=caller.expires_at, revoked=revoked)) as changes:
        async for change in changes:
            data = _shown(request, change.view).model_dump_json(by_alias=True)
            yield ServerSentEvent(raw_data=data, event="orderStatus", id=str(change.sequence))


@router.get("/{orderId}", responses=problem_responses(ProblemType.NOT_FOUND, ProblemType.NO_ANSWER_IN_TIME))
async def get_order(
    request: Request,
    order_id: OrderId,
    store: StatusStore,
    caller: CurrentCaller,
    authorized_order: AuthorizedOrder,
) -> OrderStatusResponse:
    """Return one order with its history."""
    view = authorized_order or await store.get(order_id)
    caller.require(view.order)
    return _shown(request, view)


def _shown(request: Request, view: OrderView) -> OrderStatusResponse:
    return shown(request, OrderStatusResponse.of_view(view), customer_id=view.order.customer_id)
