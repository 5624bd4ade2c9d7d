"""/managementCenters: free visit windows, the assignments of orders, and candidates for them (서비스관리센터)."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.exceptions import HTTPException

from api.dependencies import AppServices, OrderId
from api.http.fields import Address, Region, Text
from api.http.offers import FromWhen, OfferResponse, ToWhen, offered, span_to_search
from api.http.problems import ProblemType, invalid_member
from api.http.times import TimeInQuery, of_query
from api.management_center.dependencies import CenterStore
from api.management_center.schemas import AssignmentRequest, AssignmentResponse, CandidatesResponse, SlotsRequest
from api.orders.conditions import ExpectedVersion, changed_meanwhile
from api.orders.dependencies import Orders
from api.security.authentication import CurrentCaller
from api.security.disclosures import disclosures_of
from api.security.openapi import problem_responses
from api.security.principals import Caller
from api.security.routing import JsonRoute
from domain.common.actors import MANAGER, customer_of
from domain.common.errors import ChangedMeanwhile, EngineerUnavailable, IllegalTransition, NotFound
from domain.management_center.assignments import ManualAssignment
from domain.management_center.candidates import CandidateQuery
from domain.orders import Order
from domain.visits import TimeWindow, VisitGrid
from stores.management_center.assignments import ManagementCenterStore

router = APIRouter(prefix="/managementCenters", tags=["managementCenters"], route_class=JsonRoute)

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
    ProblemType.CHANGED_MEANWHILE,
    ProblemType.TEMPORAL_UNAVAILABLE,
    ProblemType.NO_ANSWER_IN_TIME,
    body=True,
)


@router.get(
    "/slots",
    response_model=OfferResponse,
    responses=problem_responses(ProblemType.MALFORMED_REQUEST, ProblemType.NO_ANSWER_IN_TIME),
)
async def list_slots(
    services: AppServices,
    address: Annotated[Address, Query()],
    product_id: Annotated[Text | None, Query(alias="productId")] = None,
    start: FromWhen = None,
    end: ToWhen = None,
) -> Response:
    """List the visit windows that begin between `from` and `to` and can be booked for an address.

    An address is personal data, and proxies log URLs. `POST` takes the address in the body instead.
    """
    with of_query():
        begins, ends = span_to_search(start, end, services.get(VisitGrid))
    return offered(await services.get(ManagementCenterStore).offer(address, product_id, begins, ends))


@router.post(
    "/slots", response_model=OfferResponse, responses=problem_responses(ProblemType.NO_ANSWER_IN_TIME, body=True)
)
async def find_slots(services: AppServices, given: SlotsRequest) -> Response:
    """Return the visit windows that begin between `from` and `to` and can be booked for an address."""
    try:
        begins, ends = span_to_search(given.start, given.end, services.get(VisitGrid))
    except ValueError as error:
        raise invalid_member("to", str(error)) from None
    store = services.get(ManagementCenterStore)
    return offered(await store.offer(given.address, given.product_id, begins, ends))


@router.get("/assignments/{orderId}", responses=problem_responses(ProblemType.NOT_FOUND, ProblemType.NO_ANSWER_IN_TIME))
async def get_assignment(request: Request, order_id: OrderId, store: CenterStore) -> AssignmentResponse:
    """Return the assignment of an order; of an ended order, the last one."""
    assignment = await store.assignment(order_id)
    if (customer_id := customer_of(assignment.by)) is not None:
        disclosures_of(request).show(customer_id, order_id)
    return AssignmentResponse.model_validate(assignment)


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


@router.put("/assignments/{orderId}", response_model=AssignmentResponse, responses=_ASSIGNING)
async def assign(
    request: Request,
    order_id: OrderId,
    given: AssignmentRequest,
    store: CenterStore,
    orders: Orders,
    caller: CurrentCaller,
    version: ExpectedVersion,
) -> AssignmentResponse | Response:
    """Assign an order to an engineer by hand. The response is sent when the order has accepted it."""
    await _check_available(store, given.engineer_id, caller)
    try:
        assignment = await orders.assign(
            order_id, ManualAssignment(given.engineer_id, caller.actor or MANAGER, version)
        )
    except ChangedMeanwhile as refusal:
        return await changed_meanwhile(request, orders, order_id, refusal)
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
