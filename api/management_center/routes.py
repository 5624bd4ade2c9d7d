"""/managementCenters: free visit windows, and the assignments of orders (서비스관리센터)."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic_core import to_json
from starlette.exceptions import HTTPException

from api.dependencies import AppServices, OrderId
from api.http import windows as visits
from api.http.fields import Address, Page, Text
from api.http.problems import ProblemType
from api.http.times import Moment
from api.http.windows import SlotResponse
from api.management_center.dependencies import CenterStore
from api.management_center.schemas import AssignmentRequest, AssignmentResponse
from api.orders.dependencies import Orders
from api.security.authentication import CurrentCaller
from api.security.openapi import problem_responses
from api.security.principals import Caller
from api.security.routing import JsonRoute
from domain.common.actors import MANAGER
from domain.common.errors import EngineerUnavailable, NotFound
from domain.management_center.assignments import ManualAssignment
from domain.visits import VisitGrid
from stores.management_center.assignments import ManagementCenterStore

router = APIRouter(prefix="/managementCenters", tags=["managementCenters"], route_class=JsonRoute)

MOST_AT_ONCE = timedelta(days=62)
"""The longest span that is searched for free windows."""
_DEFAULT_SPAN = timedelta(days=14)
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
