"""Converts errors to HTTP responses with problem details (RFC 9457). No other module does."""

from collections.abc import Mapping, Sequence
from enum import Enum
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic_core import to_json
from starlette.exceptions import HTTPException

from api.http.errors import (
    Forbidden,
    IdempotencyKeyReused,
    NoAnswerInTime,
    TemporalUnavailable,
    TooManyOpenOrders,
    TooManyRequests,
    Unauthenticated,
)
from domain.common import errors
from domain.event_delivery.log import EventsGone, PositionGone, shown
from domain.event_delivery.subscriptions import AnotherEventHeld, TooManySubscriptions

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 10
"""The largest number of invalid members or parameters that a problem names."""
LONGEST_NAME = 50
"""The longest name of a member that a problem repeats, in characters. Of a longer one it has the beginning."""
_RETRY_AFTER = {"Retry-After": "1"}
"""In seconds."""

_log = structlog.get_logger(__name__)


class ProblemType(Enum):
    """The problems that the API can return: status, slug (the end of the type), title."""

    MALFORMED_REQUEST = (400, "malformed-request", "The request is malformed")
    UNAUTHENTICATED = (401, "unauthenticated", "Authentication is required")
    FORBIDDEN = (403, "forbidden", "You are not allowed to do this")
    NOT_ASSIGNED = (403, "not-assigned", "The installation is assigned to another engineer")
    NOT_FOUND = (404, "not-found", "Not found")
    METHOD_NOT_ALLOWED = (405, "method-not-allowed", "The method is not allowed for this path")
    TOO_SLOW = (408, "too-slow", "The body did not arrive in time")
    ORDER_CANCEL_REJECTED = (409, "order-cancel-rejected", "The order can no longer be canceled")
    ILLEGAL_TRANSITION = (409, "illegal-transition", "The current state does not allow this")
    ENGINEER_UNAVAILABLE = (409, "engineer-unavailable", "The engineer is not available")
    VISIT_UNAVAILABLE = (409, "visit-unavailable", "The visit window is not available")
    CHANGED_MEANWHILE = (409, "changed-meanwhile", "The order has changed meanwhile")
    ORDERS_OPEN = (409, "orders-open", "The customer has an open order")
    ALREADY_EXISTS = (409, "already-exists", "It already exists")
    TOO_MANY_OPEN_ORDERS = (409, "too-many-open-orders", "The customer has too many open orders")
    TOO_MANY_SUBSCRIPTIONS = (409, "too-many-subscriptions", "There are too many subscriptions")
    ANOTHER_EVENT_HELD = (409, "another-event-held", "Another event holds the order")
    POSITION_GONE = (409, "events-gone", "The events are not kept any more")
    EVENTS_GONE = (410, "events-gone", "The events are not kept any more")
    TOO_LARGE = (413, "too-large", "The body is too large")
    UNSUPPORTED_MEDIA_TYPE = (415, "unsupported-media-type", "The body is not application/json")
    INVALID_INPUT = (422, "invalid-input", "The body has invalid members")
    IDEMPOTENCY_KEY_REUSED = (422, "idempotency-key-reused", "The idempotency key belongs to another request")
    TOO_MANY_REQUESTS = (429, "too-many-requests", "Too many requests")
    INTERNAL_ERROR = (500, "internal-error", "The service failed")
    TEMPORAL_UNAVAILABLE = (503, "temporal-unavailable", "Temporal cannot be reached")
    NO_ANSWER_IN_TIME = (503, "no-answer-in-time", "No answer arrived in time")

    def __init__(self, status: int, slug: str, title: str) -> None:
        self.status = status
        self.slug = slug
        self.title = title


def problem(kind: ProblemType, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any) -> Response:
    """Return the response for a problem. It contains those of the additional `members` that are not `None`."""
    body = {"type": f"/problems/{kind.slug}", "title": kind.title, "status": kind.status, "detail": detail}
    body |= {name: value for name, value in members.items() if value is not None}
    return Response(to_json(body), kind.status, headers, MEDIA_TYPE)


def too_many_requests(error: TooManyRequests) -> Response:
    """Return the response for a client that has sent too many requests."""
    return problem(ProblemType.TOO_MANY_REQUESTS, str(error), headers={"Retry-After": str(error.retry_after)})


_TYPES: Mapping[type[Exception], ProblemType] = {
    errors.NotFound: ProblemType.NOT_FOUND,
    errors.IllegalTransition: ProblemType.ILLEGAL_TRANSITION,
    errors.OrderCancelRejected: ProblemType.ORDER_CANCEL_REJECTED,
    errors.NotAssigned: ProblemType.NOT_ASSIGNED,
    errors.EngineerUnavailable: ProblemType.ENGINEER_UNAVAILABLE,
    errors.VisitUnavailable: ProblemType.VISIT_UNAVAILABLE,
    errors.ChangedMeanwhile: ProblemType.CHANGED_MEANWHILE,
    errors.Expired: ProblemType.NO_ANSWER_IN_TIME,
    errors.OrdersOpen: ProblemType.ORDERS_OPEN,
    errors.AlreadyExists: ProblemType.ALREADY_EXISTS,
    errors.MalformedCursor: ProblemType.MALFORMED_REQUEST,
    errors.StoreUnavailable: ProblemType.NO_ANSWER_IN_TIME,
    TooManySubscriptions: ProblemType.TOO_MANY_SUBSCRIPTIONS,
    AnotherEventHeld: ProblemType.ANOTHER_EVENT_HELD,
    TooManyOpenOrders: ProblemType.TOO_MANY_OPEN_ORDERS,
    IdempotencyKeyReused: ProblemType.IDEMPOTENCY_KEY_REUSED,
    TemporalUnavailable: ProblemType.TEMPORAL_UNAVAILABLE,
    NoAnswerInTime: ProblemType.NO_ANSWER_IN_TIME,
}
_KIND_OF_STATUS = {kind.status: kind for kind in reversed(ProblemType) if kind.status not in (409, 503)}


def install(app: FastAPI) -> None:
    """Make the app respond to every error with a problem."""
    for error in _TYPES:
        app.add_exception_handler(error, _refused)
    app.add_exception_handler(EventsGone, _events_gone)
    app.add_exception_handler(Unauthenticated, _unauthenticated)
    app.add_exception_handler(Forbidden, _forbidden)
    app.add_exception_handler(TooManyRequests, _too_many_requests)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _failed)


def note_order(request: Request, order_id: str) -> None:
    """Make every `503` of this request contain the id of the order, which may have been placed."""
    request.state.order_id = order_id


def invalid_member(name: str, detail: str) -> RequestValidationError:
    """Return the error for a well-formed member of the body whose value is not allowed."""
    return RequestValidationError([{"type": "value_error", "loc": ("body", name), "msg": detail}])


async def _refused(request: Request, error: Exception) -> Response:
    kind, detail = _TYPES[type(error)], str(error)
    if isinstance(error, errors.StoreUnavailable):
        # The text may name a database, so it is only logged.
        _log.warning("a store is unavailable", error=detail)
        detail = "a database did not answer"
    if kind.status != HTTPStatus.SERVICE_UNAVAILABLE:
        return problem(kind, detail)
    return problem(kind, detail, headers=_RETRY_AFTER, orderId=getattr(request.state, "order_id", None))


async def _events_gone(_: Request, error: Exception) -> Response:
    if not isinstance(error, EventsGone):
        raise error
    kind = ProblemType.POSITION_GONE if isinstance(error, PositionGone) else ProblemType.EVENTS_GONE
    return problem(kind, str(error), oldest=shown(error.oldest))


async def _unauthenticated(_: Request, error: Exception) -> Response:
    if not isinstance(error, Unauthenticated):
        raise error
    why = f', error="invalid_token", error_description="{error}"' if error.invalid else ""
    return problem(ProblemType.UNAUTHENTICATED, str(error), headers={"WWW-Authenticate": f'Bearer realm="orders"{why}'})


async def _forbidden(_: Request, error: Exception) -> Response:
    if not isinstance(error, Forbidden):
        raise error
    how = f'Bearer realm="orders", error="insufficient_scope", scope="{error.scope}"'
    return problem(ProblemType.FORBIDDEN, str(error), headers={"WWW-Authenticate": how} if error.scope else None)


async def _too_many_requests(_: Request, error: Exception) -> Response:
    if not isinstance(error, TooManyRequests):
        raise error
    return too_many_requests(error)


async def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    kind = _KIND_OF_STATUS.get(error.status_code, ProblemType.MALFORMED_REQUEST)
    headers = dict(error.headers or {})
    if kind is ProblemType.METHOD_NOT_ALLOWED and (methods := _methods_of(request)):
        headers["Allow"] = methods
    # The error concerns the whole body. Errors of members are handled by `_invalid`.
    whole = [{"pointer": "", "detail": error.detail}] if kind is ProblemType.INVALID_INPUT else None
    return problem(kind, error.detail or kind.title, headers=headers, errors=whole)


def _methods_of(request: Request) -> str:
    """Return all methods of the path. The framework knows only those of the first matching route."""
    path = getattr(request.scope.get("route"), "path_format", "")
    routes = (route for route in iter_route_contexts(request.app.routes) if route.path_format == path)
    return ", ".join(sorted({method for route in routes for method in route.methods or ()}))


async def _invalid(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    found = error.errors()
    places = {one["loc"][0] for one in found}
    if "path" in places:
        return problem(ProblemType.NOT_FOUND, "nothing with this id exists")
    if places != {"body"} or any(one["loc"] == ("body",) for one in found):
        return problem(ProblemType.MALFORMED_REQUEST, _sentence(found))
    pointers = [{"pointer": _pointer(one["loc"][1:]), "detail": _text(one)} for one in found[:MOST_ERRORS]]
    return problem(ProblemType.INVALID_INPUT, _sentence(found), errors=pointers)


async def _failed(_: Request, error: Exception) -> Response:
    # The error's text may contain customer data, so only its type is logged here.
    _log.error("a request failed", error=type(error).__qualname__)
    return problem(ProblemType.INTERNAL_ERROR, "the request could not be carried out")


def _sentence(found: Sequence[Any]) -> str:
    named = [f"{_name(one['loc'])}: {_text(one)}" for one in found[:MOST_ERRORS]]
    more = len(found) - len(named)
    return "; ".join([*named, f"and {more} more"] if more else named)


def _name(loc: Sequence[int | str]) -> str:
    """Return the sender's name of a place. A parameter has one name, whichever types its value was tried as."""
    place, *names = loc
    return ".".join(map(_cut, names if place == "body" else names[:1])) or str(place)


def _text(one: Any) -> str:
    return str(one["msg"]).removeprefix("Value error, ")


def _pointer(loc: Sequence[int | str]) -> str:
    """Return a JSON pointer (RFC 6901)."""
    return "".join("/" + _cut(part).replace("~", "~0").replace("/", "~1") for part in loc)


def _cut(part: int | str) -> str:
    name = str(part)
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"
