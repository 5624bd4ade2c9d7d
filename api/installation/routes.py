"""/installations: the engineers' work lists, and their decisions and reports (설치)."""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, FailFast
from starlette.exceptions import HTTPException

from api.dependencies import AppServices, OrderId, Services, provided, services_of
from api.http.fields import Cursor, Id, Limit, Page, Region, known
from api.http.problems import ProblemType
from api.http.times import Day, of_query, span_between
from api.installation.schemas import (
    EngineerActs,
    EngineerCompletes,
    EngineerDeclines,
    EngineerFails,
    FailedVisitResponse,
    InstallationResponse,
)
from api.orders.client import OrderWorkflowClient
from api.security.authentication import CurrentCaller
from api.security.openapi import problem_responses
from api.security.principals import Caller, Role
from api.security.routing import JsonRoute
from api.security.views import shown
from domain.common.errors import IllegalTransition, NotAssigned, NotFound
from domain.installation import ContactPolicy, EngineerAct, EngineerAction, Installation, InstallationStatus
from domain.orders import OrderStatus
from domain.visits import VisitGrid
from stores.installation.installations import InstallationStore
from stores.installation.lists import Span

Installations = Annotated[InstallationStore, provided(InstallationStore)]

router = APIRouter(prefix="/installations", tags=["installations"], route_class=JsonRoute)

KnownStatus = Annotated[InstallationStatus, AfterValidator(known)]

_ACTING = problem_responses(
    ProblemType.NOT_FOUND,
    ProblemType.NOT_ASSIGNED,
    ProblemType.ILLEGAL_TRANSITION,
    ProblemType.TEMPORAL_UNAVAILABLE,
    ProblemType.NO_ANSWER_IN_TIME,
    body=True,
)
_DONE = {
    EngineerAction.ACCEPT: (
        InstallationStatus.ACCEPTED,
        InstallationStatus.STARTED,
        InstallationStatus.COMPLETED,
        InstallationStatus.INCOMPLETE,
    ),
    EngineerAction.DECLINE: (InstallationStatus.DECLINED,),
    EngineerAction.START: (InstallationStatus.STARTED, InstallationStatus.COMPLETED, InstallationStatus.INCOMPLETE),
    EngineerAction.COMPLETE: (InstallationStatus.COMPLETED,),
    EngineerAction.INCOMPLETE: (InstallationStatus.INCOMPLETE,),
}
"""The statuses that an installation may have once the engineer's action is recorded."""
_OVER = (InstallationStatus.DECLINED, InstallationStatus.INCOMPLETE, InstallationStatus.CANCELED)
"""Ended for the engineer. The status does not tell whether the order has been canceled, too."""
_CANCELED = (OrderStatus.CANCEL_ORDERED, OrderStatus.ORDER_CANCELED)


@router.get("", responses=problem_responses(ProblemType.MALFORMED_REQUEST, ProblemType.NO_ANSWER_IN_TIME))
async def list_installations(
    request: Request,
    services: AppServices,
    caller: CurrentCaller,
    engineer_id: Annotated[Id | None, Query(alias="engineerId")] = None,
    day: Annotated[
        Day | None, Query(alias="date", description="Only visits of this local day, in the order of their windows")
    ] = None,
    first: Annotated[
        Day | None, Query(alias="from", description="Only visits of this local day or a later one, in the same order")
    ] = None,
    last: Annotated[
        Day | None, Query(alias="to", description="Only visits of this local day or an earlier one, in the same order")
    ] = None,
    region: Annotated[tuple[Region, ...], FailFast(), Query(max_length=50)] = (),
    status: Annotated[KnownStatus | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[InstallationResponse]:
    """List the installations of one engineer, or all. A manager of certain regions sees those of these regions.

    `date` means the same as `from` and `to` with this day.
    """
    engineer_id = caller.resolve(Role.ENGINEER, engineer_id)
    regions = caller.within(region) if region else caller.regions
    span = _span(services.get(VisitGrid), day, first, last)
    page = await services.get(InstallationStore).list(engineer_id, status, limit, cursor, span=span, regions=regions)
    items = [_shown(request, installation) for installation in page.items]
    return Page(items=items, next_cursor=page.next_cursor)


@router.get("/{orderId}", responses=problem_responses(ProblemType.NOT_FOUND, ProblemType.NO_ANSWER_IN_TIME))
async def get_installation(
    request: Request, order_id: OrderId, store: Installations, caller: CurrentCaller
) -> InstallationResponse:
    """Return the newest installation of an order. An engineer sees the newest of their own."""
    return _shown(request, await _addressed(store, order_id, caller, None))


@router.get(
    "/{orderId}/failedVisits", responses=problem_responses(ProblemType.NOT_FOUND, ProblemType.NO_ANSWER_IN_TIME)
)
async def list_failed_visits(
    request: Request, order_id: OrderId, services: AppServices, caller: CurrentCaller
) -> Page[FailedVisitResponse]:
    """List the visits that led to no installation before the one that `GET /installations/{orderId}` returns.

    There are at most 100, the newest first. To an engineer they tell what to prepare for, not who was there.
    """
    store = services.get(InstallationStore)
    newest = await _addressed(store, order_id, caller, None)
    contact = services.get(ContactPolicy).shows(newest, datetime.now(UTC))
    visits = [
        shown(request, FailedVisitResponse.model_validate(one), customer_id=one.customer_id, contact=contact)
        for one in await store.failed_before(newest)
    ]
    return Page(items=visits, next_cursor=None)


@router.post("/{orderId}/accept", response_model=InstallationResponse, responses=_ACTING)
async def accept(
    request: Request, order_id: OrderId, services: AppServices, given: EngineerActs | None = None
) -> Response:
    """Accept the installation."""
    return await _act(request, services, order_id, EngineerAction.ACCEPT, given or EngineerActs())


@router.post("/{orderId}/decline", response_model=InstallationResponse, responses=_ACTING)
async def decline(
    request: Request, order_id: OrderId, services: AppServices, given: EngineerDeclines | None = None
) -> Response:
    """Decline the installation. It is requested from another engineer."""
    given = given or EngineerDeclines()
    return await _act(request, services, order_id, EngineerAction.DECLINE, given, reason=given.reason)


@router.post("/{orderId}/start", response_model=InstallationResponse, responses=_ACTING)
async def start(
    request: Request, order_id: OrderId, services: AppServices, given: EngineerActs | None = None
) -> Response:
    """Report that the installation has begun."""
    return await _act(request, services, order_id, EngineerAction.START, given or EngineerActs())


@router.post("/{orderId}/complete", response_model=InstallationResponse, responses=_ACTING)
async def complete(
    request: Request, order_id: OrderId, services: AppServices, given: EngineerCompletes | None = None
) -> Response:
    """Report that the installation is complete. The order can no longer be canceled."""
    given = given or EngineerCompletes()
    return await _act(
        request, services, order_id, EngineerAction.COMPLETE, given, note=given.note, serials=given.serials
    )


@router.post("/{orderId}/incomplete", response_model=InstallationResponse, responses=_ACTING)
async def incomplete(request: Request, order_id: OrderId, services: AppServices, given: EngineerFails) -> Response:
    """Report a visit without an installation. The order waits for another visit."""
    return await _act(
        request, services, order_id, EngineerAction.INCOMPLETE, given, reason=given.reason, note=given.note
    )


def _span(grid: VisitGrid, day: date | None, first: date | None, last: date | None) -> Span | None:
    """Return the span of a day, or of the days from the first to the last one. `None`: any time."""
    if first is None and last is None:
        return grid.span_of(day) if day else None
    if day is not None:
        raise HTTPException(400, "`date` cannot be given together with `from` or `to`")
    with of_query():
        return span_between(first, last, grid)


async def _act(
    request: Request, services: Services, order_id: str, action: EngineerAction, given: EngineerActs, **more: Any
) -> Response:
    caller: Caller = request.state.caller
    store, orders = services.get(InstallationStore), services.get(OrderWorkflowClient)
    before = await _addressed(store, order_id, caller, given.engineer_id)
    if before.engineer_id is None:
        raise IllegalTransition(f"the installation is {before.status}")
    details = EngineerAct(before.engineer_id, before.round, by=caller.actor, **more)
    ended = await orders.act(order_id, action, details)
    # The order may have moved on to another round by now.
    after = await store.of_round(order_id, before.round)
    if after.status in _OVER and (ended or (await orders.get(order_id)).order.status) in _CANCELED:
        raise IllegalTransition("the order has been canceled")
    if after.status is InstallationStatus.CANCELED:
        raise IllegalTransition("the installation has been moved to another engineer or another time")
    # If the order has taken the action, a status that only a newer release knows was set later.
    if after.status not in _DONE[action] and (ended is not None or after.status.known):
        raise IllegalTransition(f"the installation is {after.status}")
    return Response(_shown(request, after).model_dump_json(by_alias=True), media_type="application/json")


def _shown(request: Request, installation: Installation) -> InstallationResponse:
    contact = services_of(request).get(ContactPolicy).shows(installation, datetime.now(UTC))
    answer = InstallationResponse.model_validate(installation)
    return shown(request, answer, customer_id=installation.customer_id, contact=contact)


async def _addressed(store: InstallationStore, order_id: str, caller: Caller, engineer_id: str | None) -> Installation:
    """Return the installation that a request addresses: the newest of the engineer, or (`None`) of the order."""
    engineer_id = caller.resolve(Role.ENGINEER, engineer_id)
    newest = await store.newest(order_id, regions=caller.regions)
    if engineer_id in (None, newest.engineer_id):
        return newest
    try:
        return await store.newest(order_id, engineer_id=engineer_id, regions=caller.regions)
    except NotFound:
        raise NotAssigned("the installation is assigned to another engineer") from None
