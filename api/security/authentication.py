"""The way in: who sends a request, and whether they may, before anything of it is read."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from api.http.errors import Forbidden, Unauthenticated
from api.security.limits import Rates, site_of
from api.security.permissions import EVERYBODY, RULES, Rule
from api.security.principals import Caller
from api.security.tokens import Tokens
from domain.order_status.view import OrderView

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Reach(Protocol):
    """Knows what is within a caller's reach; the contexts' own knowledge stays outside of this package."""

    async def check(self, caller: Caller, named: Mapping[str, str], collection: str) -> OrderView | None:
        """Raise `NotFound` where what a path names is not the caller's to see."""


class Notes(Protocol):
    """Keeps a place for the note of what a request will have done."""

    def admit(self, request: Request, rule: Rule) -> None:
        """Raise `NoAnswerInTime` where the request must not change anything, for there is no place."""


class Authenticator:
    """Asks for tokens, or, where there is nobody whose tokens count, for nothing; and lets nobody ask for too much."""

    def __init__(self, tokens: Tokens | None, rates: Rates) -> None:
        self.tokens = tokens
        self._rates = rates

    def close(self) -> None:
        """Ask the issuer for nothing more."""
        if self.tokens is not None:
            self.tokens.keys.stop()

    async def admit(self, request: Request, rule: Rule, collection: str) -> Caller:
        """Who sends a request to a collection, in the role in which they may.

        Raises:
            Unauthenticated, NoAnswerInTime: as `Tokens.check`.
            Forbidden: they may not.
            TooManyRequests: they have asked for too much.
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
        request.state.view = await _reach_of(request).check(caller, request.path_params, collection)
        return caller


def _reach_of(request: Request) -> Reach:
    reach: Reach = request.app.state.reach
    return reach


def authorized(route: APIRoute, handle: Handler) -> Handler:
    """Let a request through to a route's handler once it is known who may send it."""
    [method] = sorted(route.methods or ())
    rule = RULES[f"{method} {route.path_format}"]
    collection = route.path_format.split("/")[1]
    if rule is None:
        return handle

    async def admit_first(request: Request) -> Response:
        gate: Authenticator = request.app.state.gate
        request.state.caller = await gate.admit(request, rule, collection)
        notes: Notes = request.app.state.notes
        notes.admit(request, rule)
        return await handle(request)

    return admit_first


class AuthorizedRoute(APIRoute):
    """A route as FastAPI has it, behind the gate."""

    def get_route_handler(self) -> Handler:
        """FastAPI's handler, for those who may."""
        return authorized(self, super().get_route_handler())


async def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


CurrentCaller = Annotated[Caller, Depends(_caller)]
"""Who asks."""


async def _looked_at(request: Request) -> OrderView | None:
    view: OrderView | None = getattr(request.state, "view", None)
    return view


AuthorizedOrder = Annotated[OrderView | None, Depends(_looked_at)]
"""The order of the path as the read model has it, where the gate had to look whose it is."""


def _bearer(request: Request) -> str:
    given = request.headers.getlist("authorization")
    if not given:
        raise Unauthenticated("send a bearer token")
    scheme, _, token = given[0].partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer":
        raise Unauthenticated("send one bearer token", invalid=True)
    return token.strip()
