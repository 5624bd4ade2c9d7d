"""/orders: places (가입신청), returns, reschedules and cancels orders."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError

from api.dependencies import AppServices, OrderId, Services, services_of
from api.http import idempotency, problems
from api.http import windows as visits
from api.http.errors import IdempotencyKeyReused, TooManyOpenOrders, Unavailable
from api.http.offers import FromWhen, OfferResponse, ToWhen, offered, span_to_search
from api.http.problems import ProblemType
from api.http.times import of_query
from api.orders.client import OrderWorkflowClient
from api.orders.conditions import ExpectedVersion, changed_meanwhile
from api.orders.dependencies import Orders
from api.orders.initial_projection import InitialProjection
from api.orders.lookup import Known
from api.orders.open_orders import OpenOrders
from api.orders.schemas import AcknowledgementRequest, CancellationRequest, OrderRequest, OrderResponse, VisitRequest
from api.security.authentication import CurrentCaller
from api.security.openapi import CREATED, Answers, problem_responses
from api.security.principals import ANONYMOUS, Caller, Role
from api.security.routing import DirectRoute, JsonRoute
from api.security.views import shown
from domain.common.actors import MANAGER
from domain.common.errors import ChangedMeanwhile, NotFound, StoreUnavailable, VisitUnavailable
from domain.management_center.staff import Slot
from domain.order_policy import OrderPolicy
from domain.orders import Acknowledgement, CancelRequest, RescheduleRequest, Subscription
from domain.visits import VisitGrid
from stores.management_center.assignments import ManagementCenterStore

router = APIRouter(prefix="/orders", tags=["orders"], route_class=JsonRoute)

_PLACED: Answers = {
    200: {
        "model": OrderResponse,
        "description": "The order that an earlier request with this key has placed",
        "headers": idempotency.REPLAYED_HEADERS,
    },
    **CREATED,
}
_RECORDED: Answers = {
    202: {
        "model": OrderResponse,
        "description": "Recorded durably, but not done yet. Repeat the request to learn the result",
    }
}
_NO_ANSWER = (ProblemType.TEMPORAL_UNAVAILABLE, ProblemType.NO_ANSWER_IN_TIME)


def order_id_of(key: str | None, caller: Caller) -> str:
    """Return the id of an order: the same for the same key of the same caller; without a key, a new one each time."""
    return idempotency.id_of(key, caller.actor or ANONYMOUS)


async def place_order(given: OrderRequest, request: Request) -> Response:
    """Place an order.

    A `503` contains `orderId`, because the order may have been placed: a retry with the same key tells, or a `GET`.
    Managers who are limited to regions may order for any address. If the address turns out to be in another region, the
    order is `404` to them, also when they repeat the request with its key.
    """
    services = services_of(request)
    caller: Caller = request.state.caller
    caller.resolve(Role.CUSTOMER, given.customer_id)
    key = idempotency.key_of(request)
    order_id = order_id_of(key, caller)
    problems.note_order(request, order_id)
    if key is not None and (ended := await services.get(OrderWorkflowClient).expired(order_id)):
        if not given.matches(ended):
            raise IdempotencyKeyReused("the key was used with another body")
        return _replayed(request, Known(ended))
    at, fingerprint = datetime.now(UTC), given.fingerprint()
    try:
        if given.preferred_visit is not None:
            visits.check_preferred(given.preferred_visit, services.get(VisitGrid), now=at)
        await services.get(OpenOrders).admit(given.customer_id, order_id)
    except (RequestValidationError, TooManyOpenOrders):
        # The request may repeat one from a day when visits had other windows, or the customer had fewer orders.
        placed = await services.get(OrderWorkflowClient).placed(order_id, fingerprint) if key is not None else None
        if placed is None:
            raise
        return _replayed(request, placed)
    order = given.order(order_id, at=at, by=caller.actor)
    started = await services.get(OrderWorkflowClient).start(Subscription(order, services.get(OrderPolicy)), fingerprint)
    if started.replayed:
        return _replayed(request, started.known)
    services.get(InitialProjection).add(order)
    return _response(request, started.known, 201, {"Location": f"/orders/{order_id}"})


router.add_api_route(
    "",
    place_order,
    methods=["POST"],
    status_code=201,
    response_model=OrderResponse,
    responses=_PLACED
    | problem_responses(
        ProblemType.NOT_FOUND,
        ProblemType.TOO_MANY_OPEN_ORDERS,
        ProblemType.IDEMPOTENCY_KEY_REUSED,
        *_NO_ANSWER,
        body=True,
    ),
    openapi_extra={"parameters": [idempotency.parameter("order")]},
    route_class_override=DirectRoute,
)


@router.get("/{orderId}", response_model=OrderResponse, responses=problem_responses(ProblemType.NOT_FOUND, *_NO_ANSWER))
async def get_order(request: Request, order_id: OrderId, orders: Orders) -> Response:
    """Return the current order. If no worker answers, return its last known state, with `stale`."""
    caller: Caller = request.state.caller
    known = await orders.get(order_id)
    caller.require(known.order)
    return _response(request, known, 200)


@router.get(
    "/{orderId}/slots",
    response_model=OfferResponse,
    responses=problem_responses(ProblemType.MALFORMED_REQUEST, ProblemType.NOT_FOUND, *_NO_ANSWER),
)
async def list_slots_of_order(
    order_id: OrderId, services: AppServices, caller: CurrentCaller, start: FromWhen = None, end: ToWhen = None
) -> Response:
    """List the visit windows that begin between `from` and `to` and can be booked for the order.

    If the address is ambiguous, the region of the order's assignments counts.
    """
    with of_query():
        begins, ends = span_to_search(start, end, services.get(VisitGrid))
    order = (await services.get(OrderWorkflowClient).get(order_id)).order
    caller.require(order)
    store, of = services.get(ManagementCenterStore), (order.installation_address, order.product_id)
    return offered(await store.offer(*of, begins, ends, order_id=order_id))


@router.post(
    "/{orderId}/cancel",
    response_model=OrderResponse,
    responses=_RECORDED
    | problem_responses(
        ProblemType.NOT_FOUND,
        ProblemType.ORDER_CANCEL_REJECTED,
        ProblemType.ILLEGAL_TRANSITION,
        ProblemType.CHANGED_MEANWHILE,
        *_NO_ANSWER,
        body=True,
    ),
)
async def cancel_order(
    request: Request,
    order_id: OrderId,
    orders: Orders,
    caller: CurrentCaller,
    version: ExpectedVersion,
    given: CancellationRequest | None = None,
) -> Response:
    """Cancel the order and its installation. With `If-Match`, a worker has to take the request in time."""
    reason = given.reason if given else None
    try:
        cancellation = await orders.cancel(order_id, CancelRequest(caller.actor or "customer", reason, version))
    except ChangedMeanwhile as refusal:
        return await changed_meanwhile(request, orders, order_id, refusal)
    return _response(request, cancellation.known, 200 if cancellation.done else 202)


@router.post(
    "/{orderId}/reschedule",
    response_model=OrderResponse,
    responses=problem_responses(
        ProblemType.NOT_FOUND,
        ProblemType.VISIT_UNAVAILABLE,
        ProblemType.ILLEGAL_TRANSITION,
        ProblemType.CHANGED_MEANWHILE,
        *_NO_ANSWER,
        body=True,
    ),
)
async def reschedule_order(
    request: Request,
    order_id: OrderId,
    services: AppServices,
    caller: CurrentCaller,
    version: ExpectedVersion,
    given: VisitRequest,
) -> Response:
    """Move the order to another visit window, with the same engineer if possible. The engineer has to accept again.

    If the window is not free, nothing changes, and `slots` contains the nearest free windows.
    """
    wanted, orders = given.preferred_visit, services.get(OrderWorkflowClient)
    visits.check_preferred(wanted, services.get(VisitGrid), now=datetime.now(UTC))
    try:
        by = _decided_by(caller, given.manager_id, "customer")
        order = await orders.reschedule(order_id, RescheduleRequest(wanted, by, version))
    except ChangedMeanwhile as refusal:
        return await changed_meanwhile(request, orders, order_id, refusal)
    except VisitUnavailable as refusal:
        slots = await _free_near(services, order_id, wanted)
        return problems.problem(ProblemType.VISIT_UNAVAILABLE, str(refusal), slots=visits.shown(slots))
    return _response(request, Known(order), 200)


@router.post(
    "/{orderId}/attention/acknowledge",
    response_model=OrderResponse,
    responses=problem_responses(ProblemType.NOT_FOUND, ProblemType.ILLEGAL_TRANSITION, *_NO_ANSWER, body=True),
)
async def acknowledge(
    request: Request,
    order_id: OrderId,
    orders: Orders,
    caller: CurrentCaller,
    given: AcknowledgementRequest | None = None,
) -> Response:
    """Record that a manager takes care of an order that needs a person, so that other managers see it."""
    by = _decided_by(caller, given.manager_id if given else None, MANAGER)
    return _response(request, Known(await orders.acknowledge(order_id, Acknowledgement(by))), 200)


def _decided_by(caller: Caller, manager_id: str | None, default: str) -> str:
    """Return the caller. Without authentication, return the manager whom the body names, or else `default`."""
    caller.resolve(Role.MANAGER, manager_id)
    return caller.actor or (f"manager:{manager_id}" if manager_id else default)


async def _free_near(services: Services, order_id: str, wanted: datetime) -> list[Slot]:
    """Return the nearest free windows, or nothing if they cannot be determined."""
    try:
        order = (await services.get(OrderWorkflowClient).get(order_id)).order
        return await services.get(ManagementCenterStore).slots_near(
            order.installation_address, order.product_id, wanted, order_id=order_id
        )
    except (NotFound, Unavailable, StoreUnavailable):
        return []


def _replayed(request: Request, known: Known) -> Response:
    """Return the order that an earlier request of the same sender has placed, if the sender reaches it.

    An order without a region is still the sender's: the management center has not decided whose it is.
    """
    caller: Caller = request.state.caller
    if known.order.region is not None:
        caller.require(known.order)
    return _response(request, known, 200, idempotency.REPLAYED)


def _response(request: Request, known: Known, status: int, headers: dict[str, str] | None = None) -> Response:
    order = known.order
    answer = shown(request, OrderResponse.of(order, stale=known.stale), customer_id=order.customer_id)
    # Serialized here, because FastAPI would validate and copy the model once more.
    return Response(answer.model_dump_json(by_alias=True), status, headers, "application/json")
