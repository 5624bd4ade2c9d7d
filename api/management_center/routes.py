"""/managementCenters: free visit windows, the assignments of orders, and candidates for them (서비스관리센터)."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic_core import to_json
from starlette.exceptions import HTTPException

from api.dependencies import AppServices, OrderId
from api.http import windows as visits
from api.http.fields import Address, Page, Region, Text
from api.http.problems import ProblemType
from api.http.times import Moment, TimeInQuery
from api.http.windows import SlotResponse
from api.management_center.dependencies import CenterStore
from api.management_center.schemas import AssignmentRequest, AssignmentResponse, CandidatesResponse
from api.orders.dependencies import Orders
from api.security.authentication import CurrentCaller
from api.security.openapi import problem_responses
from api.security.principals import Caller
from api.security.routing import JsonRoute
from domain.common.actors import MANAGER
from domain.common.errors import EngineerUnavailable, IllegalTransition, NotFound
from domain.management_center.assignments import ManualAssignment
from domain.management_center.candidates import CandidateQuery
from domain.orders import Order
from domain.visits import TimeWindow, VisitGrid
from stores.management_center.assignments import ManagementCenterStore

router = APIRouter(prefix="/managementCenters", tags=["managementCenters"], route_class=JsonRoute)

MOST_AT_ONCE = timedelta(days=62)
"""The longest span that is searched for free windows."""
_DEFAULT_SPAN = timedelta(days=14)
_LISTING_CANDIDATES = problem_responses(
    ProblemType.MALFORMED_REQUEST,
    ProblemType.NOT_FOUND,
    ProblemType.ILLEGAL_TRANSITION,
    ProblemType.TEMPORAL_UNAVAILABLE,
    ProblemType.NO_ANSWER_IN_TIME,
)
_ASSIGNING = problem_responses(
    ProblemType.NOT_FOUND,
    ProblemType.ENGINEER_UNAVAILABLE,
    ProblemType.ILLEGAL_TRANSITION,
    ProblemType.TEMPORAL_UNAVAILABLE,
    ProblemType.NO_ANSWER_IN_TIME,
    body=True,
)


@router.get(
    "/slots",
    response_model=Page[SlotResponse],
    responses=problem_responses(ProblemType.MALFORMED_REQUEST, ProblemType.NO_ANSWER_IN_TIME),
)
async def list_slots(
    services: AppServices,
    address: Annotated[Address, Query()],
    product_id: Annotated[Text | None, Query(alias="productId")] = None,
    start: Annotated[Moment | None, Query(alias="from", description="The default is now")] = None,
    end: Annotated[Moment | None, Query(alias="to", description="The default is two weeks after `from`")] = None,
) -> Response:
    """List the visit windows that begin between `from` and `to` and can be booked for an address."""
    begins = _point_in_time(start, services.get(VisitGrid)) if start else datetime.now(UTC)
    ends = _point_in_time(end, services.get(VisitGrid)) if end else begins + _DEFAULT_SPAN
    if not begins < ends <= begins + MOST_AT_ONCE:
        raise HTTPException(400, f"`to` has to be after `from`, by at most {MOST_AT_ONCE.days} days")
    slots = await services.get(ManagementCenterStore).slots(address, product_id, begins, ends)
    # Serialized here, because FastAPI would validate and copy each window.
    return Response(to_json({"items": visits.shown(slots), "nextCursor": None}), media_type="application/json")


@router.get("/assignments/{orderId}", responses=problem_responses(ProblemType.NOT_FOUND, ProblemType.NO_ANSWER_IN_TIME))
async def get_assignment(order_id: OrderId, store: CenterStore) -> AssignmentResponse:
    """Return the assignment of an order; of an ended order, the last one."""
    return AssignmentResponse.model_validate(await store.assignment(order_id))


@router.get("/assignments/{orderId}/candidates", responses=_LISTING_CANDIDATES)
async def list_candidates(
    order_id: OrderId,
    services: AppServices,
    store: CenterStore,
    orders: Orders,
    caller: CurrentCaller,
    visit: Annotated[TimeInQuery | None, Query(description="The start of a visit window")] = None,
    region: Annotated[Region | None, Query(description="The default is the order's region")] = None,
) -> CandidatesResponse:
    """List the engineers of a region for the visit of an order: who is free first, then by their visits that day.

    Without `visit`, this is about the order's visit; if it has none, its preferred visit; otherwise the earliest window
    in which somebody is free. What has passed does not count. An engineer is not `free` for the first `reason` that
    holds. One with `DECLINED_BEFORE` or `MISSING_SKILLS` can be assigned by hand nevertheless. The order's own booking
    does not count.
    """
    caller.within(filter(None, [region]))
    order = (await orders.get(order_id)).order
    caller.require(order)
    if order.status.final:
        raise IllegalTransition(f"the order is {order.status}")
    if (region := region or order.region) is None:
        raise HTTPException(400, "the order has no region yet, so `region` has to be given")
    window = _window(order, visit, services.get(VisitGrid))
    query = CandidateQuery(order_id, order.product_id, region, order.declined_by, window)
    return CandidatesResponse.model_validate(await store.candidates(query))


@router.put("/assignments/{orderId}", responses=_ASSIGNING)
async def assign(
    order_id: OrderId, given: AssignmentRequest, store: CenterStore, orders: Orders, caller: CurrentCaller
) -> AssignmentResponse:
    """Assign an order to an engineer by hand. The response is sent when the order has accepted it."""
    await _check_available(store, given.engineer_id, caller)
    assignment = await orders.assign(order_id, ManualAssignment(given.engineer_id, caller.actor or MANAGER))
    return AssignmentResponse.model_validate(assignment)


async def _check_available(store: ManagementCenterStore, engineer_id: str, caller: Caller) -> None:
    try:
        engineer = await store.engineer(engineer_id)
    except NotFound:
        engineer = None
    if engineer is None or not caller.reaches({engineer.region}):
        raise EngineerUnavailable("the engineer does not exist")
    if not engineer.active:
        raise EngineerUnavailable("the engineer is not active")


def _point_in_time(given: date, grid: VisitGrid) -> datetime:
    return given if isinstance(given, datetime) else grid.span_of(given)[0]


def _window(order: Order, given: datetime | None, grid: VisitGrid) -> TimeWindow | None:
    """Return the given window, or the one that the order has or prefers. `None`: any."""
    if given is not None:
        if (window := grid.window_at(given)) is None:
            raise HTTPException(400, "`visit` has to be the start of a visit window")
        return window
    now = datetime.now(UTC)
    if order.visit is not None and order.visit.end > now:
        return order.visit
    preferred = order.preferred_visit
    return grid.window_at(preferred) if preferred is not None and preferred > now else None
