"""/eventSubscriptions/…/held: the orders whose next event a consumer has refused, and what a person does about them."""

from typing import Annotated

from fastapi import APIRouter, Depends

from api.dependencies import OrderId, provided
from api.event_delivery.delivery_trigger import trigger_delivery
from api.event_delivery.held_schemas import ListedHeldOrderResponse, SkipRequest
from api.event_delivery.subscription_routes import SubscriptionId
from api.event_delivery.subscription_schemas import EventSubscriptionResponse
from api.http.fields import Cursor, Limit, Page
from api.http.problems import ProblemType
from api.security.authentication import CurrentCaller
from api.security.openapi import problem_responses
from api.security.routing import JsonRoute
from stores.event_delivery.held_orders import HeldOrderStore

router = APIRouter(
    prefix="/eventSubscriptions",
    tags=["eventSubscriptions"],
    route_class=JsonRoute,
    dependencies=[Depends(trigger_delivery)],
)

HeldOrders = Annotated[HeldOrderStore, provided(HeldOrderStore)]

_ONE = (ProblemType.NOT_FOUND, ProblemType.NO_ANSWER_IN_TIME)


@router.get("/{eventSubscriptionId}/held", responses=problem_responses(ProblemType.MALFORMED_REQUEST, *_ONE))
async def list_held(
    subscription_id: SubscriptionId, held: HeldOrders, limit: Limit = 50, cursor: Cursor = None
) -> Page[ListedHeldOrderResponse]:
    """List the orders whose next event the consumer has refused, the one that is held for the longest time first."""
    page = await held.list(subscription_id, limit=limit, cursor=cursor)
    items = [ListedHeldOrderResponse.of(order) for order in page.items]
    return Page[ListedHeldOrderResponse](items=items, next_cursor=page.next_cursor)


@router.post("/{eventSubscriptionId}/held/{orderId}/retry", responses=problem_responses(*_ONE))
async def retry_held(
    subscription_id: SubscriptionId, order_id: OrderId, held: HeldOrders, caller: CurrentCaller
) -> EventSubscriptionResponse:
    """Send the event again that holds an order."""
    return EventSubscriptionResponse.of(await held.retry(subscription_id, order_id, within=caller.regions))


@router.post(
    "/{eventSubscriptionId}/held/{orderId}/skip",
    responses=problem_responses(*_ONE, ProblemType.ANOTHER_EVENT_HELD, body=True),
)
async def skip_held(
    subscription_id: SubscriptionId,
    order_id: OrderId,
    held: HeldOrders,
    caller: CurrentCaller,
    given: SkipRequest | None = None,
) -> EventSubscriptionResponse:
    """Give up the event that holds an order, for this subscription. The order's later events are sent.

    With `eventId`, only this event is given up. If another one holds the order, nothing changes.
    """
    event_id = given.event_id if given else None
    return EventSubscriptionResponse.of(await held.skip(subscription_id, order_id, event_id, within=caller.regions))
