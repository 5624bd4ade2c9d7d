"""/events: what happens to all orders, for other systems that fetch it (도메인 이벤트)."""

from time import monotonic, time
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import FailFast

from api.dependencies import provided
from api.event_delivery import log_watch
from api.event_delivery.log_watch import LogWatch
from api.event_delivery.schemas import EventsResponse
from api.http.errors import Unauthenticated
from api.http.fields import Region
from api.http.problems import ProblemType
from api.http.times import of_query
from api.security.authentication import CurrentCaller, TokenRevoked
from api.security.limits import client_of
from api.security.openapi import problem_responses
from api.security.principals import Caller
from api.security.routing import JsonRoute
from domain.event_delivery.log import EventFilter, EventPage, shown
from stores.event_delivery.log import EventLog

Log = Annotated[EventLog, provided(EventLog)]
Watch = Annotated[LogWatch, provided(LogWatch)]
TypeOfEvents = Annotated[str, Query(pattern=r"^[A-Za-z]+(\.[A-Za-z0-9]+)*(\.\*)?$", max_length=80)]

router = APIRouter(prefix="/events", tags=["events"], route_class=JsonRoute)

_LARGEST = 2**63 - 1


@router.get(
    "",
    response_model=EventsResponse,
    responses=problem_responses(ProblemType.MALFORMED_REQUEST, ProblemType.EVENTS_GONE, ProblemType.NO_ANSWER_IN_TIME),
)
async def read_events(
    request: Request,
    log: Log,
    watch: Watch,
    caller: CurrentCaller,
    revoked: TokenRevoked,
    after: Annotated[
        str | None,
        Query(pattern=r"^[0-9]{1,20}$", description="`next` of the previous answer. The default is the oldest event"),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="The largest number of events")] = 100,
    wait: Annotated[int, Query(ge=0, le=25, description="Seconds to wait for an event if there is none")] = 0,
    types: Annotated[
        tuple[TypeOfEvents, ...],
        FailFast(),
        Query(alias="type", max_length=50, description="A type, or all types of a family, as `orders.*`"),
    ] = (),
    region: Annotated[
        tuple[Region, ...],
        FailFast(),
        Query(max_length=50, description="Only events in this region. Events before an engineer was sought have none"),
    ] = (),
) -> Response:
    """Return the next events of the orders, the oldest first, each at least once.

    Whoever passes on `next` misses nothing, also after a pause of 30 days (`EVENT_RETENTION`). Positions rise, but
    with gaps. A page may be empty although more events follow: each request searches a bounded part of the log.

    After a pause that was too long, the answer is `410 events-gone`. Its member `oldest` is the first `after` that
    misses nothing more; what was missed is in `GET /orderStatuses`.
    """
    wanted = EventFilter(types, caller.within(region))
    with of_query():
        position = _position(after)
        if not wait:
            return _shown(await log.read(position, wanted, limit))
        async with watch.seat(client_of(caller, request)):
            page = await _next(log, watch, position, wanted, limit, _until(wait, caller))
    if revoked():
        raise Unauthenticated("the token has been revoked", invalid=True)
    return _shown(page)


async def _next(
    log: EventLog, watch: LogWatch, position: int | None, wanted: EventFilter, limit: int, until: float
) -> EventPage:
    """Return the next events, as soon as there are any. An empty page says how far was searched until then."""
    page = await log.read(position, wanted, limit)
    while not page.documents and not watch.stopped and monotonic() < until:
        if page.next == page.last:
            await watch.beyond(page.last, within=until - monotonic())
        page = await log.read(page.next, wanted, limit)
    return page


def _until(wait: float, caller: Caller) -> float:
    """Return until when a request may wait, on the monotonic clock: not longer than its token is good."""
    longest = min(wait, log_watch.LONGEST_WAIT)
    return monotonic() + (longest if caller.expires_at is None else min(longest, caller.expires_at - time()))


def _position(after: str | None) -> int | None:
    if after is not None and int(after) > _LARGEST:
        raise ValueError("there is no such position yet")
    return None if after is None else int(after)


def _shown(page: EventPage) -> Response:
    """Return a page. The events are sent as they are stored, so that everybody gets the same text."""
    items = ",".join(page.documents)
    text = f'{{"items":[{items}],"next":"{shown(page.next)}","last":"{shown(page.last)}"}}'
    return Response(text, media_type="application/json")
