"""/managementCenters: service areas, engineers, and products (인력)."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Response

from api.http import idempotency
from api.http.errors import IdempotencyKeyReused
from api.http.fields import Cursor, Limit, Page, Region
from api.http.problems import ProblemType
from api.management_center.dependencies import (
    CenterStore,
    EngineerId,
    NewId,
    ProductId,
    Retired,
    ServiceAreaId,
    trigger_dispatch,
)
from api.management_center.staff_schemas import (
    EngineerChange,
    EngineerRequest,
    EngineerResponse,
    ProductChange,
    ProductOffer,
    ProductRequest,
    ProductResponse,
    ServiceAreaChange,
    ServiceAreaRequest,
    ServiceAreaResponse,
)
from api.security.authentication import CurrentCaller
from api.security.openapi import CREATED, problem_responses
from api.security.principals import UNKNOWN, Caller, Role
from api.security.routing import JsonRoute
from domain.common.errors import AlreadyExists, NotFound

router = APIRouter(
    prefix="/managementCenters",
    tags=["managementCenters"],
    route_class=JsonRoute,
    dependencies=[Depends(trigger_dispatch)],
)

_LISTING = problem_responses(ProblemType.MALFORMED_REQUEST, ProblemType.NO_ANSWER_IN_TIME)
_ONE = problem_responses(ProblemType.NOT_FOUND, ProblemType.NO_ANSWER_IN_TIME)
_CHANGING = problem_responses(ProblemType.NOT_FOUND, ProblemType.NO_ANSWER_IN_TIME, body=True)
_CREATING = CREATED | problem_responses(ProblemType.NO_ANSWER_IN_TIME, body=True)
_CREATING_ONCE = CREATED | problem_responses(
    ProblemType.NOT_FOUND, ProblemType.IDEMPOTENCY_KEY_REUSED, ProblemType.NO_ANSWER_IN_TIME, body=True
)


@router.get("/serviceAreas", responses=_LISTING)
async def list_service_areas(store: CenterStore, limit: Limit = 50, cursor: Cursor = None) -> Page[ServiceAreaResponse]:
    """List the service areas."""
    return Page[ServiceAreaResponse].model_validate(await store.service_areas(limit=limit, cursor=cursor))


@router.post(
    "/serviceAreas",
    status_code=201,
    responses=idempotency.replays(ServiceAreaResponse, "service area") | _CREATING_ONCE,
    openapi_extra={"parameters": [idempotency.parameter("service area")]},
)
async def create_service_area(
    given: ServiceAreaRequest, area_id: NewId, store: CenterStore, response: Response
) -> ServiceAreaResponse:
    """Add a service area."""
    fingerprint, new = given.fingerprint(), True
    try:
        area = await store.create_service_area(**dict(given), service_area_id=area_id, fingerprint=fingerprint)
    except AlreadyExists:
        if await store.fingerprint_of_service_area(area_id) != fingerprint:
            raise IdempotencyKeyReused("the key was used with another body") from None
        area, new = await store.service_area(area_id), False
    idempotency.complete(response, f"{router.prefix}/serviceAreas/{area_id}", new=new)
    return ServiceAreaResponse.model_validate(area)


@router.get("/serviceAreas/{serviceAreaId}", responses=_ONE)
async def get_service_area(service_area_id: ServiceAreaId, store: CenterStore) -> ServiceAreaResponse:
    """Return one service area."""
    return ServiceAreaResponse.model_validate(await store.service_area(service_area_id))


@router.patch("/serviceAreas/{serviceAreaId}", responses=_CHANGING)
async def change_service_area(
    service_area_id: ServiceAreaId, given: ServiceAreaChange, store: CenterStore
) -> ServiceAreaResponse:
    """Change the given members, for orders that are assigned from now on."""
    return ServiceAreaResponse.model_validate(await store.change_service_area(service_area_id, **given.members_sent()))


@router.delete("/serviceAreas/{serviceAreaId}", status_code=204, responses=_ONE)
async def retire_service_area(service_area_id: ServiceAreaId, store: CenterStore) -> None:
    """Stop serving the area. Existing assignments stay."""
    await store.retire_service_area(service_area_id)


@router.get("/engineers", responses=_LISTING)
async def list_engineers(
    store: CenterStore,
    caller: CurrentCaller,
    region: Annotated[Region | None, Query()] = None,
    active: Annotated[bool | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[EngineerResponse]:
    """List the engineers."""
    regions = caller.within(filter(None, [region]))
    page = await store.engineers(regions=regions, active=active, limit=limit, cursor=cursor)
    return Page[EngineerResponse].model_validate(page)


@router.post(
    "/engineers",
    status_code=201,
    responses=idempotency.replays(EngineerResponse, "engineer") | _CREATING_ONCE,
    openapi_extra={"parameters": [idempotency.parameter("engineer")]},
)
async def create_engineer(
    given: EngineerRequest, engineer_id: NewId, store: CenterStore, caller: CurrentCaller, response: Response
) -> EngineerResponse:
    """Add an engineer."""
    caller.within([given.region])
    fingerprint, new = given.fingerprint(), True
    try:
        engineer = await store.create_engineer(**given.members_sent(), engineer_id=engineer_id, fingerprint=fingerprint)
    except AlreadyExists:
        if await store.fingerprint_of_engineer(engineer_id) != fingerprint:
            raise IdempotencyKeyReused("the key was used with another body") from None
        engineer = await store.engineer(engineer_id)
        if not caller.reaches({engineer.region}):
            raise NotFound(UNKNOWN) from None
        new = False
    idempotency.complete(response, f"{router.prefix}/engineers/{engineer_id}", new=new)
    return EngineerResponse.model_validate(engineer)


@router.get("/engineers/{engineerId}", responses=_ONE)
async def get_engineer(engineer_id: EngineerId, store: CenterStore) -> EngineerResponse:
    """Return one engineer."""
    return EngineerResponse.model_validate(await store.engineer(engineer_id))


@router.patch("/engineers/{engineerId}", responses=_CHANGING)
async def change_engineer(
    engineer_id: EngineerId, given: EngineerChange, store: CenterStore, caller: CurrentCaller, retired: Retired
) -> EngineerResponse:
    """Change the given members. Booked visits that the engineer can no longer make go to other engineers.

    An engineer who is not active can no longer use this API, within 15 seconds.
    """
    caller.within(filter(None, [given.region]))
    engineer = await store.change_engineer(engineer_id, **given.members_sent())
    await retired.refresh()
    return EngineerResponse.model_validate(engineer)


@router.delete("/engineers/{engineerId}", status_code=204, responses=_ONE)
async def retire_engineer(engineer_id: EngineerId, store: CenterStore, retired: Retired) -> None:
    """Stop assigning orders to the engineer. The engineer's booked visits go to other engineers.

    The engineer can no longer use this API, within 15 seconds.
    """
    await store.retire_engineer(engineer_id)
    await retired.refresh()


@router.get("/products", responses=_LISTING)
async def list_products(
    store: CenterStore, caller: CurrentCaller, limit: Limit = 50, cursor: Cursor = None
) -> Page[ProductResponse] | Page[ProductOffer]:
    """List the products. Customers see those that can be ordered, without `skills`."""
    page = await store.products(orderable_only=_is_customer(caller), limit=limit, cursor=cursor)
    return (Page[ProductOffer] if _is_customer(caller) else Page[ProductResponse]).model_validate(page)


@router.post("/products", status_code=201, responses=_CREATING | problem_responses(ProblemType.ALREADY_EXISTS))
async def create_product(given: ProductRequest, store: CenterStore, response: Response) -> ProductResponse:
    """Store a product. One that is not stored needs no skills, and may be ordered as well."""
    product = await store.create_product(**dict(given))
    response.headers["Location"] = f"{router.prefix}/products/{quote(product.product_id, safe='')}"
    return ProductResponse.model_validate(product)


# An id from another system may contain a `/`.
@router.get("/products/{productId:path}", responses=_ONE)
async def get_product(
    product_id: ProductId, store: CenterStore, caller: CurrentCaller
) -> ProductResponse | ProductOffer:
    """Return one product. To customers, one that cannot be ordered does not exist."""
    product = await store.product(product_id, orderable_only=_is_customer(caller))
    return (ProductOffer if _is_customer(caller) else ProductResponse).model_validate(product)


@router.patch("/products/{productId:path}", responses=_CHANGING)
async def change_product(product_id: ProductId, given: ProductChange, store: CenterStore) -> ProductResponse:
    """Change the given members. Changed skills count for visits that are booked from now on."""
    return ProductResponse.model_validate(await store.change_product(product_id, **given.members_sent()))


@router.delete("/products/{productId:path}", status_code=204, responses=_ONE)
async def retire_product(product_id: ProductId, store: CenterStore) -> None:
    """Remove the product, which then needs no skills."""
    await store.retire_product(product_id)


def _is_customer(caller: Caller) -> bool:
    return caller.role is Role.CUSTOMER
