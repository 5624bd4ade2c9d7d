"""/orderStatuses: the state of every order (진행상태), from the read model alone."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import FailFast
from pydantic_core import to_json

from api.dependencies import OrderId, provided
from api.http.fields import Cursor, Limit, Page, Region
from api.http.problems import ProblemType
from api.http.times import Day, of_query, span_between
from api.order_status.filters import SORTING, OrderSearch, Sorting, Wanted, bounded, sorting
from api.order_status.listening import Begin, NoLongerAdmitted, StatusChanges, event_of
from api.order_status.schemas import DayResponse, OrderStatusResponse, OrderStatusSummary, Totals, shown_days
from api.security.authentication import AuthorizedOrder, CurrentCaller
from api.security.disclosures import disclosures_of
from api.security.openapi import problem_responses
from api.security.routing import JsonRoute
from api.security.views import shown
from domain.order_status.view import OrderFilter, Sort
from domain.visits import VisitGrid
from stores.order_status.view import OrderStatusStore

StatusStore = Annotated[OrderStatusStore, provided(OrderStatusStore)]
Grid = Annotated[VisitGrid, provided(VisitGrid)]
_Regions = Annotated[tuple[Region, ...], FailFast(), Query(max_length=50)]

router = APIRouter(prefix="/orderStatuses", tags=["orderStatuses"], route_class=JsonRoute)

MOST_DAYS = 366
"""The largest number of days of which the statistics can be read at once."""
_DEFAULT_DAYS = 30
_MONTH = timedelta(days=30)
_FEED_POSITION = "Feed-Position"
_ERRORS = problem_responses(ProblemType.MALFORMED_REQUEST, ProblemType.NO_ANSWER_IN_TIME)
_LISTED: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            _FEED_POSITION: {
                "description": "The last event before the list was read: as `Last-Event-ID` of the event stream, it "
                "misses nothing that the list does not show",
                "schema": {"type": "integer"},
            }
        }
    }
}


@router.get("", responses=_LISTED | _ERRORS)
async def list_orders(
    request: Request,
    response: Response,
    store: StatusStore,
    wanted: Wanted,
    sort: Annotated[Sorting | None, Query(description=SORTING)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[OrderStatusSummary]:
    """List the orders that meet every condition: the newest first, or with `attention`, the longest-waiting first."""
    by, descending = sorting(sort, wanted)
    return await _page(request, response, store, wanted, by, descending, limit, cursor)


@router.post(
    "/search",
    responses=_LISTED | problem_responses(ProblemType.MALFORMED_REQUEST, ProblemType.NO_ANSWER_IN_TIME, body=True),
)
async def search_orders(
    request: Request, response: Response, store: StatusStore, caller: CurrentCaller, given: OrderSearch
) -> Page[OrderStatusSummary]:
    """List orders as `GET /orderStatuses` does, and also by their customers' names and telephone numbers."""
    wanted = bounded(given.filter(), caller)
    disclosures_of(request).filter_by(given.names())
    by, descending = sorting(given.sort, wanted)
    return await _page(request, response, store, wanted, by, descending, given.limit, given.cursor)


async def _page(
    request: Request,
    response: Response,
    store: OrderStatusStore,
    wanted: OrderFilter,
    by: Sort,
    descending: bool,
    limit: int,
    cursor: str | None,
) -> Page[OrderStatusSummary]:
    # Read before the list: whoever listens from here on misses nothing.
    response.headers[_FEED_POSITION] = str(await store.last_sequence())
    page = await store.list(wanted, by, descending, limit, cursor)
    items = [
        shown(request, OrderStatusSummary.of_view(view), customer_id=view.order.customer_id) for view in page.items
    ]
    return Page(items=items, next_cursor=page.next_cursor)


@router.get("/summary", responses=_ERRORS)
async def get_summary(store: StatusStore, caller: CurrentCaller, region: _Regions = ()) -> Totals:
    """Count the orders, of all regions or of some, by status and region, and those that need a person by reason."""
    return Totals.model_validate(await store.summary(caller.within(region)))


@router.get("/statistics", response_model=Page[DayResponse], responses=_ERRORS)
async def get_statistics(
    store: StatusStore,
    grid: Grid,
    caller: CurrentCaller,
    first: Annotated[
        Day | None, Query(alias="from", description=f"The first day. The default is {_DEFAULT_DAYS} days up to `to`")
    ] = None,
    last: Annotated[Day | None, Query(alias="to", description="The last day, included. The default is today")] = None,
    region: _Regions = (),
) -> Response:
    """Return what happened to the orders on each day in each region, oldest first. Days without events are left out.

    An event counts on the day on which it happened, in the region that the order had when it was stored. The hours are
    upper bounds: powers of two, of which the last one, 2,048, means more than 1,024.
    """
    last = last or grid.day_of(datetime.now(UTC))
    first = first or last - timedelta(days=_DEFAULT_DAYS - 1)
    with of_query():
        _check_span(first, last, grid)
    items: list[dict[str, Any]] = []
    for month in _months(first, last):
        items += shown_days(await store.statistics(*month, caller.within(region)))
    # Serialized here, because FastAPI would validate and copy each day.
    return Response(to_json({"items": items, "nextCursor": None}), media_type="application/json")


def _months(first: date, last: date) -> Iterator[tuple[date, date]]:
    """Divide a span, so that the event loop has turns for other requests between its parts."""
    while first <= last:
        yield first, min(first + _MONTH, last)
        first += _MONTH + timedelta(days=1)


def _check_span(first: date, last: date, grid: VisitGrid) -> None:
    span_between(first, last, grid)
    if (last - first).days >= MOST_DAYS:
        raise ValueError(f"from `from` to `to` there must be at most {MOST_DAYS} days")


@router.get("/events", response_class=EventSourceResponse, responses=_ERRORS)
async def listen(
    request: Request,
    stream: StatusChanges,
    wanted: Wanted,
    begin: Begin,
    caller: CurrentCaller,
    no_longer_admitted: NoLongerAdmitted,
) -> AsyncIterator[ServerSentEvent]:
    """Stream each version of an order that is stored from now on, or after `Last-Event-ID`.

    `id` is a rising sequence number, `event` is `orderStatus`, and `data` is the order as
    `GET /orderStatuses/{orderId}` returns it. To an engineer, an order that is no longer theirs comes once more, with
    `orderId`, `version` and `"engineerId": null` alone. The stream ends when the token of the request expires or is
    revoked, or when the engineer retires.
    """
    async with aclosing(
        stream.changes(begin, wanted, ends_at=caller.expires_at, revoked=no_longer_admitted)
    ) as changes:
        async for change in changes:
            yield event_of(request, change)


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
    return shown(request, OrderStatusResponse.of_view(view), customer_id=view.order.customer_id)
