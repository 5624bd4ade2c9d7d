"""/managementCenters: service areas, engineers, and who is assigned to which order (서비스관리센터)."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.bodies import JsonRoute
from api.dependencies import Centers, EngineerId, OrderId, Orders, ServiceAreaId
from api.openapi import Answers, answers
from api.problems import Kind
from api.schemas.common import Cursor, Limit, Many, Region
from api.schemas.management_center import (
    AssignmentShown,
    EngineerChange,
    EngineerShown,
    NewAssignment,
    NewEngineer,
    NewServiceArea,
    ServiceAreaChange,
    ServiceAreaShown,
)
from domain.errors import EngineerUnavailable, NotFound
from domain.management_center import ManualAssignment
from stores.management_center import ManagementCenterStore

router = APIRouter(prefix="/managementCenters", tags=["managementCenters"], route_class=JsonRoute)

_LISTING = answers(Kind.MALFORMED_REQUEST, Kind.NO_ANSWER_IN_TIME)
_ONE = answers(Kind.NOT_FOUND, Kind.NO_ANSWER_IN_TIME)
_CHANGING = answers(Kind.NOT_FOUND, Kind.NO_ANSWER_IN_TIME, body=True)
_CREATED: Answers = {201: {"headers": {"Location": {"schema": {"type": "string"}}}}}
_CREATING = _CREATED | answers(Kind.NO_ANSWER_IN_TIME, body=True)
_ASSIGNING = answers(
    Kind.NOT_FOUND,
    Kind.ENGINEER_UNAVAILABLE,
    Kind.ILLEGAL_TRANSITION,
    Kind.TEMPORAL_UNAVAILABLE,
    Kind.NO_ANSWER_IN_TIME,
    body=True,
)


@router.get("/serviceAreas", responses=_LISTING)
async def list_service_areas(store: Centers, limit: Limit = 50, cursor: Cursor = None) -> Many[ServiceAreaShown]:
    """The parts of the country that are served."""
    return Many[ServiceAreaShown].model_validate(await store.service_areas(limit=limit, cursor=cursor))


@router.post("/serviceAreas", status_code=201, responses=_CREATING)
async def create_service_area(given: NewServiceArea, store: Centers, response: Response) -> ServiceAreaShown:
    """Serve a further part of the country."""
    area = await store.create_service_area(**given.model_dump())
    response.headers["Location"] = f"{router.prefix}/serviceAreas/{area.service_area_id}"
    return ServiceAreaShown.model_validate(area)


@router.get("/serviceAreas/{serviceAreaId}", responses=_ONE)
async def get_service_area(service_area_id: ServiceAreaId, store: Centers) -> ServiceAreaShown:
    """One of them."""
    return ServiceAreaShown.model_validate(await store.service_area(service_area_id))


@router.patch("/serviceAreas/{serviceAreaId}", responses=_CHANGING)
async def change_service_area(
    service_area_id: ServiceAreaId, given: ServiceAreaChange, store: Centers
) -> ServiceAreaShown:
    """Change what is given, for the orders that are assigned from now on."""
    return ServiceAreaShown.model_validate(
        await store.change_service_area(service_area_id, **given.model_dump(exclude_unset=True))
    )


@router.delete("/serviceAreas/{serviceAreaId}", status_code=204, responses=_ONE)
async def retire_service_area(service_area_id: ServiceAreaId, store: Centers) -> None:
    """Serve it no longer; what is assigned stays so."""
    await store.retire_service_area(service_area_id)


@router.get("/engineers", responses=_LISTING)
async def list_engineers(
    store: Centers,
    region: Annotated[Region | None, Query()] = None,
    active: Annotated[bool | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Many[EngineerShown]:
    """The engineers."""
    page = await store.engineers(region=region, active=active, limit=limit, cursor=cursor)
    return Many[EngineerShown].model_validate(page)


@router.post("/engineers", status_code=201, responses=_CREATING)
async def create_engineer(given: NewEngineer, store: Centers, response: Response) -> EngineerShown:
    """Have a further engineer."""
    engineer = await store.create_engineer(**given.model_dump())
    response.headers["Location"] = f"{router.prefix}/engineers/{engineer.engineer_id}"
    return EngineerShown.model_validate(engineer)


@router.get("/engineers/{engineerId}", responses=_ONE)
async def get_engineer(engineer_id: EngineerId, store: Centers) -> EngineerShown:
    """One of them."""
    return EngineerShown.model_validate(await store.engineer(engineer_id))


@router.patch("/engineers/{engineerId}", responses=_CHANGING)
async def change_engineer(engineer_id: EngineerId, given: EngineerChange, store: Centers) -> EngineerShown:
    """Change what is given, for the orders that are assigned from now on."""
    return EngineerShown.model_validate(
        await store.change_engineer(engineer_id, **given.model_dump(exclude_unset=True))
    )


@router.delete("/engineers/{engineerId}", status_code=204, responses=_ONE)
async def retire_engineer(engineer_id: EngineerId, store: Centers) -> None:
    """Assign nothing more to them; what is assigned stays so."""
    await store.retire_engineer(engineer_id)


@router.get("/assignments/{orderId}", responses=_ONE)
async def get_assignment(order_id: OrderId, store: Centers) -> AssignmentShown:
    """Who is assigned to an order, or was when it ended."""
    return AssignmentShown.model_validate(await store.assignment(order_id))


@router.put("/assignments/{orderId}", responses=_ASSIGNING)
async def assign(order_id: OrderId, given: NewAssignment, store: Centers, orders: Orders) -> AssignmentShown:
    """Give an order to an engineer by hand; answered once the order has taken it."""
    await _check_available(store, given.engineer_id)
    assignment = await orders.assign(order_id, ManualAssignment(given.engineer_id))
    return AssignmentShown.model_validate(assignment)


async def _check_available(store: ManagementCenterStore, engineer_id: str) -> None:
    try:
        engineer = await store.engineer(engineer_id)
    except NotFound:
        raise EngineerUnavailable("there is no such engineer") from None
    if not engineer.active:
        raise EngineerUnavailable("the engineer is not active")
