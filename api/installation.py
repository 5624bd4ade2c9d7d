"""/installations: the engineers' work lists, and what they say to an order (설치)."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.bodies import JsonRoute
from api.dependencies import Everything, Installations, OrderId, Services
from api.openapi import answers
from api.problems import Kind
from api.schemas.common import Cursor, Id, Limit, Many
from api.schemas.installation import EngineerActs, EngineerDeclines, InstallationShown
from domain.errors import IllegalTransition, NotAssigned
from domain.installation import Act, EngineerAct, Installation, InstallationStatus
from domain.orders import OrderStatus
from stores.installation import InstallationStore

router = APIRouter(prefix="/installations", tags=["installations"], route_class=JsonRoute)


_ACTING = answers(
    Kind.NOT_FOUND,
    Kind.NOT_ASSIGNED,
    Kind.ILLEGAL_TRANSITION,
    Kind.TEMPORAL_UNAVAILABLE,
    Kind.NO_ANSWER_IN_TIME,
    body=True,
)
_DONE = {
    Act.ACCEPT: (InstallationStatus.ACCEPTED, InstallationStatus.COMPLETED),
    Act.DECLINE: (InstallationStatus.DECLINED,),
    Act.COMPLETE: (InstallationStatus.COMPLETED,),
}
"""Where an installation stands once the engineer has said so."""


@router.get("", responses=answers(Kind.MALFORMED_REQUEST, Kind.NO_ANSWER_IN_TIME))
async def list_installations(
    store: Installations,
    engineer_id: Annotated[Id | None, Query(alias="engineerId")] = None,
    status: Annotated[InstallationStatus | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Many[InstallationShown]:
    """An engineer's work list, or everybody's."""
    page = await store.list(engineer_id=engineer_id, status=status, limit=limit, cursor=cursor)
    return Many[InstallationShown].model_validate(page)


@router.get("/{orderId}", responses=answers(Kind.NOT_FOUND, Kind.NO_ANSWER_IN_TIME))
async def get_installation(order_id: OrderId, store: Installations) -> InstallationShown:
    """The newest installation of an order."""
    return InstallationShown.model_validate(await store.newest(order_id))


@router.post("/{orderId}/accept", response_model=InstallationShown, responses=_ACTING)
async def accept(order_id: OrderId, services: Everything, given: EngineerActs | None = None) -> Response:
    """The engineer will do it."""
    return await _act(services, order_id, Act.ACCEPT, given or EngineerActs())


@router.post("/{orderId}/decline", response_model=InstallationShown, responses=_ACTING)
async def decline(order_id: OrderId, services: Everything, given: EngineerDeclines | None = None) -> Response:
    """The engineer will not do it: another is asked."""
    given = given or EngineerDeclines()
    return await _act(services, order_id, Act.DECLINE, given, given.reason)


@router.post("/{orderId}/complete", response_model=InstallationShown, responses=_ACTING)
async def complete(order_id: OrderId, services: Everything, given: EngineerActs | None = None) -> Response:
    """The engineer has done it: the order can not be cancelled any more."""
    return await _act(services, order_id, Act.COMPLETE, given or EngineerActs())


async def _act(services: Services, order_id: str, act: Act, given: EngineerActs, reason: str | None = None) -> Response:
    store = services.installations
    asked = await _asked(store, order_id, given.engineer_id)
    engineer_id = asked.engineer_id
    if engineer_id is None:
        raise IllegalTransition(f"the installation is {asked.status}")
    ended = await services.subscriptions.act(order_id, act, EngineerAct(engineer_id, asked.round, reason))
    newest = await store.newest(order_id)
    own = newest if newest.round == asked.round else await store.of_engineer(order_id, engineer_id) or asked
    if InstallationStatus.CANCELED in (newest.status, own.status):
        raise IllegalTransition("the installation has been canceled, or given to another engineer")
    if ended and (ended is OrderStatus.ORDER_CANCELED or own.status not in _DONE[act]):
        raise IllegalTransition(f"the order is {ended}, the installation {own.status}")
    content = InstallationShown.model_validate(own).model_dump_json(by_alias=True)
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
