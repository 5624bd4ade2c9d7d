"""/eventSubscriptions: other systems subscribe to the events of orders (이벤트 구독).

All routes but `ping` need the database of event delivery alone. All but the lists look again at the regions of the
caller, because somebody else may have widened the subscription since the caller was found to see it.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import AfterValidator
from starlette.responses import JSONResponse

from api.dependencies import provided
from api.event_delivery.delivery_trigger import DeliveryTrigger, trigger_delivery
from api.event_delivery.limits import SubscriptionLimits
from api.event_delivery.subscription_schemas import (
    AttemptResponse,
    EventSubscriptionChange,
    EventSubscriptionRequest,
    EventSubscriptionResponse,
    NewEventSubscriptionResponse,
    ReplayRequest,
    ResumeRequest,
    SecretRequest,
    SecretResponse,
)
from api.http import idempotency
from api.http.errors import IdempotencyKeyReused
from api.http.fields import ID, Cursor, Limit, Page, Text, known
from api.http.problems import ProblemType, invalid_member
from api.security.authentication import CurrentCaller
from api.security.openapi import CREATED, Answers, problem_responses
from api.security.principals import ANONYMOUS, UNKNOWN, Caller, Role
from api.security.routing import JsonRoute
from domain.common.errors import AlreadyExists, NotFound
from domain.event_delivery.answers import Outcome
from domain.event_delivery.subscriptions import (
    AttemptFilter,
    SubscriptionFilter,
    SubscriptionKind,
    SubscriptionRequest,
    SubscriptionState,
    SubscriptionView,
    is_within,
)
from domain.event_delivery.targets import ForbiddenTarget, TargetRules
from runtime.secret_seal import new_secret
from stores.event_delivery.attempts import AttemptStore
from stores.event_delivery.secrets import SecretStore
from stores.event_delivery.subscriptions import SubscriptionStore

router = APIRouter(
    prefix="/eventSubscriptions",
    tags=["eventSubscriptions"],
    route_class=JsonRoute,
    dependencies=[Depends(trigger_delivery)],
)

SubscriptionId = Annotated[str, Path(alias="eventSubscriptionId", pattern=ID)]
Subscriptions = Annotated[SubscriptionStore, provided(SubscriptionStore)]
Secrets = Annotated[SecretStore, provided(SecretStore)]
Attempts = Annotated[AttemptStore, provided(AttemptStore)]
Targets = Annotated[TargetRules, provided(TargetRules)]
Deliveries = Annotated[DeliveryTrigger, provided(DeliveryTrigger)]
Limits = Annotated[SubscriptionLimits, provided(SubscriptionLimits)]
KnownState = Annotated[SubscriptionState, AfterValidator(known)]
KnownOutcome = Annotated[Outcome, AfterValidator(known)]

_LISTING = problem_responses(ProblemType.MALFORMED_REQUEST, ProblemType.NO_ANSWER_IN_TIME)
_ONE = problem_responses(ProblemType.NOT_FOUND, ProblemType.NO_ANSWER_IN_TIME)
_CHANGING = problem_responses(ProblemType.NOT_FOUND, ProblemType.NO_ANSWER_IN_TIME, body=True)
_MOVING = problem_responses(
    ProblemType.NOT_FOUND,
    ProblemType.ILLEGAL_TRANSITION,
    ProblemType.POSITION_GONE,
    ProblemType.NO_ANSWER_IN_TIME,
    body=True,
)
_CREATING: Answers = {
    200: {
        "model": EventSubscriptionResponse,
        "description": "The subscription that an earlier request with this key has made, without its secret",
        "headers": idempotency.REPLAYED_HEADERS,
    },
    **CREATED,
    **problem_responses(
        ProblemType.TOO_MANY_SUBSCRIPTIONS,
        ProblemType.POSITION_GONE,
        ProblemType.IDEMPOTENCY_KEY_REUSED,
        ProblemType.NO_ANSWER_IN_TIME,
        body=True,
    ),
}


@router.post(
    "",
    status_code=201,
    response_model=NewEventSubscriptionResponse,
    responses=_CREATING,
    openapi_extra={"parameters": [idempotency.parameter("subscription")]},
)
async def subscribe(
    given: EventSubscriptionRequest,
    request: Request,
    store: Subscriptions,
    targets: Targets,
    limits: Limits,
    deliveries: Deliveries,
    caller: CurrentCaller,
) -> Response:
    """Make a subscription. Nothing is sent before the consumer has answered a ping.

    The answer has the `secret` of the signatures, this once. Managers who are limited to regions subscribe to events of
    these regions.
    """
    _check(targets, given.url)
    key, sender = idempotency.key_of(request), caller.actor or ANONYMOUS
    subscription_id, secret = idempotency.id_of(key, sender), new_secret()
    wanted = SubscriptionRequest(
        name=given.name,
        url=given.url,
        owner=sender,
        kind=SubscriptionKind(given.kind),
        types=given.types,
        regions=_regions(caller, given.regions),
        at_once=given.at_once,
        batch=given.batch,
        per_minute=given.per_minute,
    )
    fingerprint = given.fingerprint()
    try:
        view = await store.create(
            subscription_id,
            wanted,
            secret,
            start=given.start,
            fingerprint=fingerprint,
            most=limits.most,
            most_of_owner=limits.most_of_owner,
        )
    except AlreadyExists:
        if await store.fingerprint(subscription_id) != fingerprint:
            raise IdempotencyKeyReused("the key was used with another body") from None
        made_before = EventSubscriptionResponse.of(await seen(store, subscription_id, caller))
        return JSONResponse(made_before.model_dump(by_alias=True, mode="json"), 200, idempotency.REPLAYED)
    except ValueError as error:
        raise invalid_member("from", str(error)) from None
    deliveries.changed(subscription_id)
    answer = NewEventSubscriptionResponse.of(view, secret=secret)
    location = {"Location": f"{router.prefix}/{subscription_id}"}
    return JSONResponse(answer.model_dump(by_alias=True, mode="json"), 201, location)


@router.get("", responses=_LISTING)
async def list_subscriptions(
    store: Subscriptions,
    caller: CurrentCaller,
    state: Annotated[KnownState | None, Query()] = None,
    owner: Annotated[Text | None, Query(description="Role and subject: `service:billing`")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[EventSubscriptionResponse]:
    """List the subscriptions, the oldest first. A service sees its own."""
    if caller.role is Role.SERVICE:
        owner = caller.actor if owner in (None, caller.actor) else ""
    wanted = SubscriptionFilter(state, owner, caller.regions)
    page = await store.list(wanted, limit=limit, cursor=cursor)
    items = [EventSubscriptionResponse.of(view) for view in page.items]
    return Page[EventSubscriptionResponse](items=items, next_cursor=page.next_cursor)


@router.get("/{eventSubscriptionId}", responses=_ONE)
async def get_subscription(
    subscription_id: SubscriptionId, store: Subscriptions, caller: CurrentCaller
) -> EventSubscriptionResponse:
    """Return one subscription."""
    return EventSubscriptionResponse.of(await seen(store, subscription_id, caller))


@router.patch("/{eventSubscriptionId}", responses=_CHANGING)
async def change_subscription(
    subscription_id: SubscriptionId,
    given: EventSubscriptionChange,
    store: Subscriptions,
    targets: Targets,
    caller: CurrentCaller,
) -> EventSubscriptionResponse:
    """Change the given members. Types and regions count from the present position on.

    The consumer at a new `url` has to answer a ping before it is sent anything.
    """
    members = given.members_sent()
    if "url" in members:
        _check(targets, members["url"])
    if "regions" in members:
        members["regions"] = _regions(caller, members["regions"])
    return EventSubscriptionResponse.of(await store.change(subscription_id, within=caller.regions, **members))


@router.delete("/{eventSubscriptionId}", status_code=204, responses=_ONE)
async def unsubscribe(subscription_id: SubscriptionId, store: Subscriptions, caller: CurrentCaller) -> None:
    """Delete a subscription and its secrets. A request under way may still arrive. Its attempts go later."""
    await store.delete(subscription_id, within=caller.regions)


@router.post(
    "/{eventSubscriptionId}/secrets",
    status_code=201,
    responses=_CHANGING | problem_responses(ProblemType.ALREADY_EXISTS),
)
async def replace_secret(
    subscription_id: SubscriptionId, secrets: Secrets, caller: CurrentCaller, given: SecretRequest | None = None
) -> SecretResponse:
    """Make a new secret, which is shown this once. Until the one before ends, requests have both signatures.

    While two secrets count, a third one is refused, unless `expirePreviousAfter` is 0: then both end at once.
    """
    secret = new_secret()
    previous_for = timedelta(seconds=(given or SecretRequest()).expire_previous_after)
    ends = await secrets.replace(subscription_id, secret, previous_for, within=caller.regions)
    return SecretResponse(secret=secret, previous_expires_at=ends)


@router.post("/{eventSubscriptionId}/pause", responses=_ONE)
async def pause(
    subscription_id: SubscriptionId, store: Subscriptions, caller: CurrentCaller
) -> EventSubscriptionResponse:
    """Send nothing until the subscription is resumed. Events are kept for it as long as for everybody."""
    return EventSubscriptionResponse.of(await store.pause(subscription_id, within=caller.regions))


@router.post("/{eventSubscriptionId}/resume", responses=_MOVING)
async def resume(
    subscription_id: SubscriptionId, store: Subscriptions, caller: CurrentCaller, given: ResumeRequest | None = None
) -> EventSubscriptionResponse:
    """Go on with a paused subscription, where its consumer was, or elsewhere (`from`).

    If the next events are not kept any more, `from` has to say where to go on.
    """
    start = given.start if given else None
    try:
        return EventSubscriptionResponse.of(await store.resume(subscription_id, start, within=caller.regions))
    except ValueError as error:
        raise invalid_member("from", str(error)) from None


@router.post("/{eventSubscriptionId}/replay", responses=_MOVING)
async def replay(
    subscription_id: SubscriptionId, given: ReplayRequest, store: Subscriptions, caller: CurrentCaller
) -> EventSubscriptionResponse:
    """Go back to an earlier position. Everything after it is sent again, with the same ids, in the same order."""
    try:
        return EventSubscriptionResponse.of(await store.replay(subscription_id, given.start, within=caller.regions))
    except ValueError as error:
        raise invalid_member("from", str(error)) from None


@router.get("/{eventSubscriptionId}/attempts", responses=_LISTING | _ONE)
async def list_attempts(
    subscription_id: SubscriptionId,
    attempts: Attempts,
    outcome: Annotated[KnownOutcome | None, Query()] = None,
    event_id: Annotated[Text | None, Query(alias="eventId")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AttemptResponse]:
    """List the requests to the consumer in the last 7 days, the newest first."""
    page = await attempts.list(subscription_id, AttemptFilter(outcome, event_id), limit=limit, cursor=cursor)
    items = [AttemptResponse.of(attempt) for attempt in page.items]
    return Page[AttemptResponse](items=items, next_cursor=page.next_cursor)


async def seen(store: SubscriptionStore, subscription_id: str, caller: Caller) -> SubscriptionView:
    """Return a subscription as it is now.

    Raises:
        NotFound: no subscription has this id, or it is not about orders of the caller's regions alone.
    """
    view = await store.get(subscription_id)
    if caller.regions is not None and not is_within(view.subscription, caller.regions):
        raise NotFound(UNKNOWN)
    return view


def _check(targets: TargetRules, url: str) -> None:
    try:
        targets.target(url)
    except ForbiddenTarget as error:
        raise invalid_member("url", str(error)) from None


def _regions(caller: Caller, given: Sequence[str] | None) -> list[str] | None:
    """Return the regions of a subscription: all of a limited caller's if none are given."""
    return list(caller.within(given or ())) or None
