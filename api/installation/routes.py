"""/installations: the engineers' work lists, and what they say to an order (설치)."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator

from api.dependencies import Everything, OrderId, Services, provided
from api.http.fields import Cursor, Id, Limit, Page, known
from api.http.problems import ProblemType
from api.http.times import Day
from api.installation.schemas import (
    EngineerActs,
    EngineerCompletes,
    EngineerDeclines,
    EngineerFails,
    InstallationResponse,
)
from api.orders.client import OrderWorkflowClient
from api.security.authentication import CurrentCaller
from api.security.openapi import problem_responses
from api.security.principals import Caller, Role
from api.security.routing import JsonRoute
from domain.common.errors import IllegalTransition, NotAssigned
from domain.installation import EngineerAct, EngineerAction, Installation, InstallationStatus
from domain.orders import OrderStatus
from domain.visits import VisitGrid
from stores.installation.installations import InstallationStore

Installations = Annotated[InstallationStore, provided(InstallationStore)]

router = APIRouter(prefix="/installations", tags=["installations"], route_class=JsonRoute)

AskedStatus = Annotated[InstallationStatus, AfterValidator(known)]

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
"""Where an installation stands once the engineer has said so."""
_LEFT = (InstallationStatus.DECLINED, InstallationStatus.INCOMPLETE)
"""Over for the engineer, but not for the order: that it is canceled later is not seen here."""
_CANCELED = (OrderStatus.CANCEL_ORDERED, OrderStatus.ORDER_CANCELED)


@router.get("", responses=problem_responses(ProblemType.MALFORMED_REQUEST, ProblemType.NO_ANSWER_IN_TIME))
async def list_installations(
    services: Everything,
    caller: CurrentCaller,
    engineer_id: Annotated[Id | None, Query(alias="engineerId")] = None,
    date: Annotated[Day | None, Query(description="Visits of this local day alone, in order of their windows")] = None,
    status: Annotated[AskedStatus | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[InstallationResponse]:
    """An engineer's work list, or everybody's; for a manager limited to regions, of orders of those."""
    engineer_id = caller.themselves(Role.ENGINEER, engineer_id)
    day = services.get(VisitGrid).span_of(date) if date else None
    page = await services.get(InstallationStore).list(
        engineer_id, status, limit, cursor, day=day, regions=caller.regions
    )
    return Page[InstallationResponse].model_validate(page)


@router.get("/{orderId}", responses=problem_responses(ProblemType.NOT_FOUND, ProblemType.NO_ANSWER_IN_TIME))
async def get_installation(order_id: OrderId, store: Installations, caller: CurrentCaller) -> InstallationResponse:
    """The newest installation of an order; for an engineer, of theirs."""
    return InstallationResponse.model_validate(await _asked(store, order_id, caller.themselves(Role.ENGINEER, None)))


@router.post("/{orderId}/accept", response_model=InstallationResponse, responses=_ACTING)
async def accept(
    order_id: OrderId, services: Everything, caller: CurrentCaller, given: EngineerActs | None = None
) -> Response:
    """The engineer will do it."""
    return await _act(services, caller, order_id, EngineerAction.ACCEPT, given or EngineerActs())


@router.post("/{orderId}/decline", response_model=InstallationResponse, responses=_ACTING)
async def decline(
    order_id: OrderId, services: Everything, caller: CurrentCaller, given: EngineerDeclines | None = None
) -> Response:
    """The engineer will not do it: another is asked."""
    given = given or EngineerDeclines()
    return await _act(services, caller, order_id, EngineerAction.DECLINE, given, reason=given.reason)


@router.post("/{orderId}/start", response_model=InstallationResponse, responses=_ACTING)
async def start(
    order_id: OrderId, services: Everything, caller: CurrentCaller, given: EngineerActs | None = None
) -> Response:
    """The engineer is there, and begins."""
    return await _act(services, caller, order_id, EngineerAction.START, given or EngineerActs())


@router.post("/{orderId}/complete", response_model=InstallationResponse, responses=_ACTING)
async def complete(
    order_id: OrderId, services: Everything, caller: CurrentCaller, given: EngineerCompletes | None = None
) -> Response:
    """The engineer has done it: the order can not be canceled any more."""
    given = given or EngineerCompletes()
    return await _act(
        services, caller, order_id, EngineerAction.COMPLETE, given, note=given.note, serials=given.serials
    )


@router.post("/{orderId}/incomplete", response_model=InstallationResponse, responses=_ACTING)
async def incomplete(order_id: OrderId, services: Everything, caller: CurrentCaller, given: EngineerFails) -> Response:
    """The visit did not lead to an installation: the order waits for another."""
    return await _act(
        services, caller, order_id, EngineerAction.INCOMPLETE, given, reason=given.reason, note=given.note
    )


async def _act(
    services: Services, caller: Caller, order_id: str, act: EngineerAction, given: EngineerActs, **more: Any
) -> Response:
    store, orders = services.get(InstallationStore), services.get(OrderWorkflowClient)
    asked = await _asked(store, order_id, caller.themselves(Role.ENGINEER, given.engineer_id))
    if asked.engineer_id is None:
        raise IllegalTransition(f"the installation is {asked.status}")
    ended = await orders.act(order_id, act, EngineerAct(asked.engineer_id, asked.round, by=caller.actor, **more))
    # The order may have gone on to another round by now.
    own = await store.of_round(order_id, asked.round)
    # Where the order has taken it, a status that only a newer release knows has come after.
    if own.status not in _DONE[act] and (ended is not None or own.status.known):
        raise IllegalTransition(f"the installation is {own.status}")
    if own.status in _LEFT and (ended or (await orders.get(order_id)).order.status) in _CANCELED:
        raise IllegalTransition("the order has been canceled")
    content = InstallationResponse.model_validate(own).model_dump_json(by_alias=True)
    return Response(content, media_type="application/json")


async def _asked(store: InstallationStore, order_id: str, engineer_id: str | None) -> Installation:
    """The installation that is meant: the newest of the engineer who acts, or (`None`) of the order."""
    newest = await store.newest(order_id)
    if engineer_id in (None, newest.engineer_id):
        return newest
    found = await store.of_engineer(order_id, engineer_id)
    if found is None:
        raise NotAssigned("the installation is not this engineer's")
    return found
