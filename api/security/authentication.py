"""Authentication and authorization of a request, before its body is read.

A token that is shown counts, also where none is required: it bounds the request by its role, and a bad one is refused.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.errors import NoAnswerInTime, TooManyRequests, Unauthenticated
from api.http.problems import too_many_requests
from api.http.queries import check_query
from api.security.limits import Rates, site_of
from api.security.permissions import EVERYBODY, RULES, Rule
from api.security.principals import Caller, Identity
from api.security.tokens import Tokens
from api.security.tracking import TrackingTokens
from domain.order_status.view import OrderView

_UNLIMITED = "/health/"
"""The paths that probes ask for. Who supervises the process must always get an answer."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class OwnershipCheck(Protocol):
    """Decides what a caller may see. The knowledge of the contexts stays outside of this package."""

    async def check(self, caller: Caller, named: Mapping[str, str], collection: str) -> OrderView | None:
        """Raise `NotFound` if the caller may not see what a path names."""


class AuditAdmission(Protocol):
    """Reserves places for audit entries."""

    def admit(self, request: Request, rule: Rule) -> None:
        """Raise `NoAnswerInTime` if the request must not change anything, because no place is left for its entry."""


class Authenticator:
    """Authenticates requests by their tokens, and limits their rate."""

    def __init__(self, tokens: Tokens, rates: Rates, *, required: bool) -> None:
        """Create an authenticator.

        Args:
            tokens: Verifies the tokens.
            rates: Counts the requests.
            required: Whether each request needs a token. If not, a request without one may do everything.
        """
        self.tokens = tokens
        self._rates = rates
        self._required = required

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the revocations of tokens, and at the end stop fetching the issuer's keys."""
        following = asyncio.create_task(self.tokens.revocations.run()) if self.tokens.revocations else None
        try:
            yield
        finally:
            if following is not None:
                following.cancel()
            self.tokens.keys.stop()

    async def identify(self, request: Request) -> None:
        """Find out who sends a request, and count it, before anything else is done for it.

        A request without a good token counts for its address, whatever its answer will be. It counts before its token
        is verified, so that nobody's requests are free while the issuer does not answer. Beyond the limit, the only
        tokens that are verified are those that name a known key. This costs less than reading the request, and keeps
        nobody out who has a good token. Nobody waits for the keys then.

        `request.state` then has the `identity`, or the `refusal` for routes that need one; or neither if no token is
        shown where none is required.

        Raises:
            TooManyRequests: the address, or the subject of the token, has sent too many requests.
        """
        site, excess = site_of(request.scope), None
        try:
            self._rates.take(None, site)
        except TooManyRequests as error:
            excess = error
        identity = await self._identified(request, only_known_keys=excess is not None)
        if identity is not None and identity.role is not None:
            if excess is None:
                self._rates.give_back(None, site)
            self._rates.take(identity.role, identity.subject)
        elif excess is not None:
            raise excess

    async def _identified(self, request: Request, *, only_known_keys: bool) -> Identity | None:
        try:
            token = _bearer(request)
            if token is None:
                if self._required:
                    raise Unauthenticated("a bearer token is required")
                return None
            if only_known_keys and not self.tokens.name_known_key(token):
                return None
            identity = await self.tokens.check(token)
        except (Unauthenticated, NoAnswerInTime) as refusal:
            request.state.refusal = refusal
            return None
        request.state.identity = identity
        return identity

    async def admit(self, request: Request, rule: Rule, collection: str) -> Caller:
        """Admit an identified request to a collection. Returns its sender, in the role that allows the request.

        Raises:
            Unauthenticated, NoAnswerInTime: as `Tokens.check`.
            Forbidden: no role of the sender allows the request.
            NotFound, Unavailable, StoreUnavailable: as `Ownership.check`.
        """
        refusal: Exception | None = _state_of(request).get("refusal")
        if refusal is not None:
            raise refusal
        identity = identity_of(request)
        if identity is None:
            if self._required:
                raise Unauthenticated("a bearer token is required")
            return EVERYBODY
        caller = rule.admit(identity)
        # A route without a scope tells nothing but what the token says.
        if rule.scope is not None:
            request.state.view = await _ownership_of(request).check(caller, request.path_params, collection)
        return caller


class AddressLimit:
    """Middleware that identifies each request before it is routed, but for the health routes."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator) -> None:
        self._app = app
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] == "http" and not scope["path"].startswith(_UNLIMITED):
            try:
                await self._authenticator.identify(Request(scope))
            except TooManyRequests as error:
                await too_many_requests(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _ownership_of(request: Request) -> OwnershipCheck:
    ownership: OwnershipCheck = request.app.state.ownership
    return ownership


def authorized(route: APIRoute, handle: Handler) -> Handler:
    """Return a handler that admits a request, and checks its query, before it calls the route's handler."""
    [method] = sorted(route.methods or ())
    rule = RULES[f"{method} {route.path_format}"]
    collection = route.path_format.split("/")[1]

    async def admit_first(request: Request) -> Response:
        if rule is not None:
            authenticator: Authenticator = request.app.state.authenticator
            request.state.caller = await authenticator.admit(request, rule, collection)
            audit_trail: AuditAdmission = request.app.state.audit_trail
            audit_trail.admit(request, rule)
        check_query(request.scope["query_string"])
        return await handle(request)

    return admit_first


class AuthorizedRoute(APIRoute):
    """A FastAPI route with authentication and authorization."""

    def get_route_handler(self) -> Handler:
        """Return FastAPI's handler, behind authentication and authorization."""
        return authorized(self, super().get_route_handler())


async def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


CurrentCaller = Annotated[Caller, Depends(_caller)]
"""The sender of the request."""


async def _token_revoked(request: Request) -> Callable[[], bool]:
    authenticator: Authenticator = request.app.state.authenticator
    tokens, identity = authenticator.tokens, identity_of(request)
    return lambda: identity is not None and tokens.revoked(identity)


TokenRevoked = Annotated[Callable[[], bool], Depends(_token_revoked)]
"""Tells whether the token of the request has been revoked since it was checked."""


async def _tracking(request: Request) -> TrackingTokens | None:
    authenticator: Authenticator = request.app.state.authenticator
    return authenticator.tokens.tracking


Tracking = Annotated[TrackingTokens | None, Depends(_tracking)]
"""Makes tracking tokens. `None`: there are no keys to sign them with."""


async def _authorized_order(request: Request) -> OrderView | None:
    view: OrderView | None = getattr(request.state, "view", None)
    return view


AuthorizedOrder = Annotated[OrderView | None, Depends(_authorized_order)]
"""The order of the path in the read model, if it was read to check its owner."""


def identity_of(request: Request) -> Identity | None:
    """Return the claims of the good token that a request has shown, or None if it has shown none."""
    identity: Identity | None = _state_of(request).get("identity")
    return identity


def _state_of(request: Request) -> dict[str, Any]:
    """Return what `request.state` shows. Most requests have no refusal, and asking it for what it has not is slow."""
    state: dict[str, Any] = request.scope.setdefault("state", {})
    return state


def _bearer(request: Request) -> str | None:
    """Return the token that a request shows, or None if it shows nothing.

    Raises:
        Unauthenticated: what it shows is not one bearer token.
    """
    given = request.headers.getlist("authorization")
    if not given:
        return None
    scheme, _, token = given[0].partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer":
        raise Unauthenticated("exactly one bearer token is required", invalid=True)
    return token.strip()
