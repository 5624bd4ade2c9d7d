"""What the answer of a consumer, or its absence, means."""

from dataclasses import dataclass
from http import HTTPStatus

from domain.common.open_enum import OpenStrEnum


class Outcome(OpenStrEnum):
    """Outcome of one request to a consumer."""

    DELIVERED = "delivered"
    """The consumer has the event."""
    THROTTLED = "throttled"
    """The consumer asks for fewer requests."""
    UNREACHABLE = "unreachable"
    """The consumer, or the way to it, does not work. It says nothing about the event."""
    REFUSED = "refused"
    """The consumer refuses this event. Others may succeed."""
    GONE = "gone"
    """The consumer wants no more events."""
    FORBIDDEN = "forbidden"
    """Nothing may be sent to the address."""


class Failure(OpenStrEnum):
    """Reason why there is no answer."""

    NAME_UNKNOWN = "nameUnknown"
    NOT_CONNECTED = "notConnected"
    TLS_FAILED = "tlsFailed"
    TIMED_OUT = "timedOut"
    NOT_HTTP = "notHttp"
    """The connection was closed before the answer was complete, or the answer was no HTTP or too long."""
    NOT_SIGNED = "notSigned"
    """Nothing was sent: the process has no key that decrypts the secret which signs events."""


@dataclass(frozen=True)
class Answer:
    """The outcome of one request, and what is known about the answer. Its body is not kept."""

    outcome: Outcome = Outcome.UNREACHABLE
    milliseconds: int = 0
    status: int | None = None
    failure: Failure | None = None
    retry_after: float | None = None
    """Seconds for which the consumer asks to wait."""
    clock_skew: float | None = None
    """Seconds by which the consumer's clock is ahead of this one."""
    allowed_origin: str | None = None
    """`WebHook-Allowed-Origin`: who may send to it."""
    allowed_rate: int | None = None
    """`WebHook-Allowed-Rate`: requests a minute that it takes. `None`: any number, or it does not say."""


_ABOUT_THE_WAY = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""Statuses that come from whatever is before the consumer, or from a wrong URL."""


def outcome_of(status: int, retry_after: float | None = None) -> Outcome:
    """Return what the status of an answer means. Redirects are not followed."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Outcome.DELIVERED
    if status == HTTPStatus.GONE:
        return Outcome.GONE
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status == HTTPStatus.SERVICE_UNAVAILABLE and retry_after is not None):
        return Outcome.THROTTLED
    if status < HTTPStatus.BAD_REQUEST or status in _ABOUT_THE_WAY:
        return Outcome.UNREACHABLE
    return Outcome.REFUSED
