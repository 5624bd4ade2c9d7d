"""Subscriptions of other systems to events: bodies of requests and responses (이벤트 구독)."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from api.event_delivery.held_schemas import HeldOrderResponse
from api.http.fields import Region, RequestBody, ResponseBody, Text, Time, unchanged
from api.http.idempotency import fingerprint_of
from api.http.times import as_time
from domain.event_delivery.log import shown
from domain.event_delivery.subscriptions import (
    ALL_OF,
    MOST_IN_BATCH,
    Attempt,
    Edge,
    EventSubscription,
    PauseReason,
    SecretPeriod,
    Start,
    SubscriptionView,
)
from domain.event_delivery.targets import LONGEST_URL
from domain.orders import Event

_TYPE = r"^[A-Za-z][A-Za-z0-9]*(\.[A-Za-z0-9]+)*(\.\*)?$"
_OF_ORDERS = "orders."
_EDGES = {"beginning": Edge.BEGINNING, "end": Edge.END}
_NUMBER = re.compile(r"[0-9]{1,20}")
_LARGEST = 2**63 - 1


def _known(type_: str) -> str:
    """Refuse a type of an order's event that does not exist: nothing would ever be sent."""
    event = type_.removeprefix(_OF_ORDERS)
    if type_ != event and f".{event}" != ALL_OF and event not in {str(each) for each in Event}:
        raise ValueError("no event has this type")
    return type_


def _each_once(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _start(value: Any) -> Start:
    if isinstance(value, str) and value in _EDGES:
        return _EDGES[value]
    if isinstance(value, str) and _NUMBER.fullmatch(value) and int(value) <= _LARGEST:
        return int(value)
    try:
        return as_time(value)
    except ValueError:
        raise ValueError("must be `beginning`, `end`, a position of an event, or an RFC 3339 time") from None


EventType = Annotated[str, Field(pattern=_TYPE, max_length=80), AfterValidator(_known)]
EventTypes = Annotated[
    list[EventType],
    Field(min_length=1, max_length=50, description="Types, or families: `orders.*`. `null`: all, also later ones"),
    AfterValidator(_each_once),
]
Regions = Annotated[
    list[Region],
    Field(min_length=1, max_length=50, description="`null`: all, also orders whose region is not known yet"),
    AfterValidator(_each_once),
]
Url = Annotated[
    str, Field(pattern=r"^[!-~]+$", min_length=1, max_length=LONGEST_URL, description="`https:`, to a public address")
]
AtOnce = Annotated[int, Field(strict=True, ge=1, le=16, description="The largest number of requests at once")]
Batch = Annotated[
    int,
    Field(
        strict=True,
        ge=1,
        le=MOST_IN_BATCH,
        description="The largest number of events in a request. With more than 1, events come in batches of "
        "CloudEvents (`application/cloudevents-batch+json`), one request at a time; those of held orders, one by one",
    ),
]
PerMinute = Annotated[int, Field(strict=True, ge=1, le=60_000, description="The largest number of requests a minute")]
StartText = Annotated[
    Start,
    PlainValidator(_start),
    WithJsonSchema(
        {
            "type": "string",
            "anyOf": [
                {"enum": sorted(_EDGES)},
                {"pattern": f"^{_NUMBER.pattern}$"},
                {"format": "date-time"},
            ],
            "description": "The first event: after a position (`sequence`), appended at a time or later, the oldest "
            "that is kept, or the next one",
        }
    ),
]


class EventSubscriptionRequest(RequestBody):
    """A new subscription."""

    name: Text
    kind: Literal["webhook"] = "webhook"
    url: Url
    types: EventTypes | None = None
    regions: Regions | None = None
    start: StartText = Field(default_factory=lambda: Edge.END, alias="from")
    at_once: AtOnce = 4
    batch: Batch = 1
    per_minute: PerMinute | None = None

    def fingerprint(self) -> str:
        """Return a hash that is equal for two bodies only if they request the same."""
        given = self.model_dump(exclude={"start"}) | {"start": str(self.start)}
        if self.batch == 1:
            # The member is left out, as earlier releases did not have it: their requests may be repeated.
            del given["batch"]
        return fingerprint_of(given)


class EventSubscriptionChange(RequestBody):
    """Changes of a subscription."""

    name: Text = unchanged()
    url: Url = unchanged()
    types: EventTypes | None = unchanged()
    regions: Regions | None = unchanged()
    at_once: AtOnce = unchanged()
    batch: Batch = unchanged()
    per_minute: PerMinute | None = unchanged()


class ResumeRequest(RequestBody):
    """Where to go on. Absent: where the consumer was."""

    start: StartText | None = Field(None, alias="from")


class ReplayRequest(RequestBody):
    """From where on events are sent again."""

    start: StartText = Field(alias="from")


class SecretRequest(RequestBody):
    """How long the present secret still counts."""

    expire_previous_after: Annotated[int, Field(strict=True, ge=0, le=604_800, description="Seconds")] = 86_400


class PauseResponse(ResponseBody):
    """Why a subscription is paused, and since when."""

    reason: PauseReason
    since: Time


class FailingResponse(ResponseBody):
    """What stands in the way of a consumer."""

    since: Time
    attempts: int
    outcome: str | None
    status: int | None
    next_attempt_at: Time | None


class HeldResponse(ResponseBody):
    """The orders that are held, those of them that wait for a person, and the one that has waited longest."""

    orders: int
    parked: int
    oldest: HeldOrderResponse | None


class SecretPeriodResponse(ResponseBody):
    """When a secret counts."""

    created_at: Time
    expires_at: Time | None

    @classmethod
    def of(cls, period: SecretPeriod) -> Self:
        """Return when a secret counts."""
        return cls.model_validate(period)


class EventSubscriptionResponse(ResponseBody):
    """A subscription. `behind` is the number of positions up to `last` that are not looked at yet."""

    event_subscription_id: str
    name: str
    kind: str
    url: str
    types: list[str] | None
    regions: list[str] | None
    at_once: int
    batch: int
    per_minute: int | None
    allowed_rate: int | None = Field(description="Requests a minute that the consumer has allowed")
    state: str
    pause: PauseResponse | None
    owner: str
    created_at: Time
    changed_at: Time
    delivered: str
    last: str
    behind: int
    last_delivered_at: Time | None
    failing: FailingResponse | None
    held: HeldResponse
    secrets: list[SecretPeriodResponse]

    @classmethod
    def of(cls, view: SubscriptionView, **more: Any) -> Self:
        """Return a subscription as its subscriber sees it."""
        subscription, oldest = view.subscription, view.oldest_held
        return cls(
            event_subscription_id=subscription.subscription_id,
            **{name: getattr(subscription, name) for name in _SAME_NAME},
            pause=_pause(subscription),
            delivered=shown(subscription.delivered),
            last=shown(view.last),
            behind=view.behind,
            failing=_failing(subscription),
            held=HeldResponse(
                orders=view.held,
                parked=view.parked,
                oldest=None if oldest is None else HeldOrderResponse.model_validate(oldest),
            ),
            secrets=[SecretPeriodResponse.of(period) for period in view.secrets],
            **more,
        )


class NewEventSubscriptionResponse(EventSubscriptionResponse):
    """A new subscription. Its secret is shown only here."""

    secret: str = Field(description="Key of the signatures (Standard Webhooks): `whsec_` and base64")


class SecretResponse(ResponseBody):
    """A new secret, which is shown only here, and when the one before ends."""

    secret: str
    previous_expires_at: Time


class AttemptResponse(ResponseBody):
    """An event in a request to the consumer. `sequence` is `null` for a ping."""

    attempt_id: str
    event_id: str
    sequence: str | None
    number: int
    at: Time
    outcome: str
    status: int | None
    failure: str | None = Field(description="Why there was no answer")
    milliseconds: int

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """Return an attempt as the subscriber sees it."""
        sequence = None if attempt.sequence is None else shown(attempt.sequence)
        return cls.model_validate(vars(attempt) | {"sequence": sequence})


_SAME_NAME = tuple(
    name
    for name in EventSubscriptionResponse.model_fields
    if name in EventSubscription.__dataclass_fields__ and name != "delivered"
)


def _pause(subscription: EventSubscription) -> PauseResponse | None:
    if subscription.pause_reason is None or subscription.paused_at is None:
        return None
    return PauseResponse(reason=subscription.pause_reason, since=subscription.paused_at)


def _failing(subscription: EventSubscription) -> FailingResponse | None:
    since: datetime | None = subscription.failing_since
    if since is None:
        return None
    return FailingResponse(
        since=since,
        attempts=subscription.failures,
        outcome=subscription.last_outcome,
        status=subscription.last_status,
        next_attempt_at=subscription.retry_at,
    )
