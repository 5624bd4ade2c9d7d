"""/eventSubscriptions/…/ping: asks a consumer whether it receives events, by a workflow of its own."""

from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Annotated

from fastapi import APIRouter, Response
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from api.dependencies import provided
from api.event_delivery.subscription_routes import Deliveries, SubscriptionId, Subscriptions, seen
from api.http.errors import NoAnswerInTime
from api.http.fields import ResponseBody
from api.http.problems import ProblemType
from api.http.temporal_calls import NoSuchWorkflow, temporal_call
from api.security.authentication import CurrentCaller
from api.security.limits import Rates
from api.security.openapi import Answers, problem_responses
from api.security.routing import JsonRoute
from domain.common import contexts
from domain.common.errors import NotFound
from domain.common.texts import PlainText
from domain.event_delivery.answers import Outcome
from domain.event_delivery.ping import WORKFLOW_TYPE, Ping, Pinged, workflow_id

router = APIRouter(prefix="/eventSubscriptions", tags=["eventSubscriptions"], route_class=JsonRoute)

START_WITHIN = 2.0
"""Seconds to start the workflow."""
PING_WITHIN = 4.0
"""Seconds from the request to the consumer's answer."""
PINGS_PER_MINUTE = 10
"""Pings of one subscription: each costs a workflow here, and requests to a host that the subscriber has named."""
_ENDS_WITHIN = timedelta(minutes=1)
_UNTOUCHED = 2
"""Events in the history of a workflow that no worker has taken: it is started, and its first task is scheduled."""


class PingResponse(ResponseBody):
    """The consumer's answer. Each member is `null` while it is not known."""

    outcome: str | None
    status: int | None
    failure: str | None
    milliseconds: int | None


_UNDER_WAY: Answers = {
    202: {"model": PingResponse, "description": "The consumer has not answered yet. The attempts will tell"}
}


@dataclass(frozen=True)
class PingClient:
    """Starts pings, one at a time for each subscription."""

    client: Client
    rates: Rates = field(default_factory=lambda: Rates({None: PINGS_PER_MINUTE}))

    async def ping(self, subscription_id: str) -> Pinged | None:
        """Ping the consumer of a subscription, and wait for the answer. `None`: there is none yet.

        Raises:
            TooManyRequests: it was pinged too often in the last minute.
            NotFound: the subscription does not exist any more.
            NoAnswerInTime: no worker has taken the ping, or it could not be carried out.
            TemporalUnavailable: it was not started.
        """
        self.rates.take(None, subscription_id)
        deadline = monotonic() + PING_WITHIN
        async with temporal_call(START_WITHIN) as timeout:
            handle: WorkflowHandle[object, Pinged] = await self.client.start_workflow(
                WORKFLOW_TYPE,
                Ping(subscription_id),
                id=workflow_id(subscription_id),
                task_queue=contexts.EVENT_DELIVERY,
                result_type=Pinged,
                execution_timeout=_ENDS_WITHIN,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=PlainText("연결 확인 · Ping of a consumer of events"),
                rpc_timeout=timeout,
            )
        try:
            async with temporal_call(deadline - monotonic(), by_worker=True) as timeout:
                pinged = await handle.result(rpc_timeout=timeout)
        except (NoSuchWorkflow, WorkflowFailureError):
            raise NoAnswerInTime("the ping could not be carried out") from None
        except NoAnswerInTime:
            async with temporal_call(START_WITHIN) as timeout:
                taken = (await handle.describe(rpc_timeout=timeout)).history_length > _UNTOUCHED
            if not taken:
                raise
            return None
        if pinged.outcome is None:
            raise NotFound("nothing with this id exists")
        return pinged


Pings = Annotated[PingClient, provided(PingClient)]


@router.post(
    "/{eventSubscriptionId}/ping",
    response_model=PingResponse,
    responses=_UNDER_WAY
    | problem_responses(ProblemType.NOT_FOUND, ProblemType.TEMPORAL_UNAVAILABLE, ProblemType.NO_ANSWER_IN_TIME),
)
async def ping(
    subscription_id: SubscriptionId,
    subscriptions: Subscriptions,
    pings: Pings,
    deliveries: Deliveries,
    caller: CurrentCaller,
) -> Response:
    """Send a signed ping to the consumer. A consumer that has not agreed yet agrees by answering it.

    If it answers, the events that wait for it are sent at once.
    """
    await seen(subscriptions, subscription_id, caller)
    pinged = await pings.ping(subscription_id)
    if pinged is None or pinged.outcome is Outcome.DELIVERED:
        deliveries.changed(subscription_id)
    answer = (
        PingResponse(outcome=None, status=None, failure=None, milliseconds=None)
        if pinged is None
        else PingResponse.model_validate(pinged)
    )
    return Response(
        answer.model_dump_json(by_alias=True), 202 if pinged is None else 200, media_type="application/json"
    )
