"""Authentication and authorization of a request, before its body is read."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from api.http.errors import Forbidden, Unauthenticated
from api.http.queries import check_query
from api.security.limits import Rates, site_of
from api.security.permissions import EVERYBODY, RULES, Rule
from api.security.principals import Caller
from api.security.tokens import Tokens
from domain.order_status.view import OrderView

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
    """Authenticates requests by their tokens, unless authentication is off, and limits their rate."""

    def __init__(self, tokens: Tokens | None, rates: Rates) -> None:
        self.tokens = tokens
        self._rates = rates

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the revocations of tokens, and at the end stop fetching the issuer's keys."""
        if self.tokens is None:
            yield
            return
        following = asyncio.create_task(self.tokens.revocations.run()) if self.tokens.revocations else None
        try:
            yield
        finally:
            if following is not None:
                following.cancel()
            self.tokens.keys.stop()

    async def admit(self, request: Request, rule: Rule, collection: str) -> Caller:
        """Admit a request to a collection. Returns its sender, in the role that allows the request.

        Raises:
            Unauthenticated, NoAnswerInTime: as `Tokens.check`.
            Forbidden: no role of the sender allows the request.
            TooManyRequests: the client has sent too many requests.
            NotFound, Unavailable, StoreUnavailable: as `Ownership.check`.
        """
        if self.tokens is None:
            self._rates.take(None, site_of(request))
            return EVERYBODY
        try:
            identity = request.state.identity = await self.tokens.check(_bearer(request))
            caller = rule.admit(identity)
        except (Unauthenticated, Forbidden):
            self._rates.take(None, site_of(request))
            raise
        self._rates.take(caller.role, caller.subject)
        request.state.view = await _ownership_of(request).check(caller, request.path_params, collection)
        return caller


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


async def _authorized_order(request: Request) -> OrderView | None:
    view: OrderView | None = getattr(request.state, "view", None)
    return view


AuthorizedOrder = Annotated[OrderView | None, Depends(_authorized_order)]
"""The order of the path in the read model, if it was read to check its owner."""


def _bearer(request: Request) -> str:
    given = request.headers.getlist("authorization")
    if not given:
        raise Unauthenticated("a bearer token is required")
    scheme, _, token = given[0].partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer":
        raise Unauthenticated("exactly one bearer token is required", invalid=True)
    return token.strip()
