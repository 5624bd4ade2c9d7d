"""Sign-in with the OpenID provider: the browser goes there and comes back, and gets a session."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import structlog
from starlette.responses import Response

from console.page_request import PageRequest, path_of_ours
from console.routing import EVERYBODY, Route
from console.sealing import SealedCookie, TooLargeForCookies
from console.service import ApiAway, Problem
from console.sessions import Session
from console.sign_in.provider import Attempts, OpenIdProvider, ProviderAway, SignInRefused, Tokens
from console.sign_in.renewal import Renewals
from console.sign_in.way import LOGIN, LOGOUT, session_of
from console.texts import N_

CALLBACK, SIGNED_OUT = "/login/callback", "/signed-out"
ATTEMPT_SECONDS = 600
"""How long one may take at the provider."""
_RENEWED_FROM = 1 / 3
"""The part of a token's life that is left when it is renewed."""
WAITS_FOR_NEW_TOKEN = 1.0
"""Seconds for which a page waits for a new token while the old one is good."""
_REFUSED = N_("Signing in did not succeed, or took too long. Please sign in again.")
_AWAY = N_("Signing in is not possible at the moment. Please try again shortly.")
_NOT_ACCEPTED = N_("You signed in, but this account cannot be used here. Please ask your administrator.")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SignInPage:
    """What became of signing in or out."""

    title: str
    text: str
    next: str
    """Path to which one gets after signing in."""


class OidcSignIn:
    """Leads to the provider, and back."""

    def __init__(self, provider: OpenIdProvider, attempts: SealedCookie[Attempts], origin: str, issuer: str) -> None:
        """Args:
        provider: The provider.
        attempts: The cookie in which a browser keeps what it has begun.
        origin: Origin of this console.
        issuer: The provider's name, a URL.
        """
        self._provider = provider
        self._attempts = attempts
        self._origin = origin
        self._renewals = Renewals(provider.renew)
        parts = urlsplit(issuer)
        self.form_targets: Sequence[str] = (f"{parts.scheme}://{parts.netloc}",)

    @property
    def routes(self) -> Sequence[Route]:
        """Its pages."""
        return (
            Route("GET", LOGIN, EVERYBODY, self._begin),
            Route("GET", CALLBACK, EVERYBODY, self._finish),
            Route("POST", LOGOUT, EVERYBODY, self._end),
            Route("GET", SIGNED_OUT, EVERYBODY, self._signed_out),
        )

    async def renewed(self, visit: PageRequest, session: Session) -> Session | None:
        """Return the session with a newer token if it is time for one, or None to go on as it is.

        A session that is not renewed is left as it is: another request may have renewed it, in another process.
        """
        left, life = session.expires_at - time.time(), session.expires_at - session.issued_at
        if session.refresh_token is None or left > life * _RENEWED_FROM:
            return None
        within = WAITS_FOR_NEW_TOKEN if session.lives else None
        tokens = await self._renewals.tokens(session.refresh_token, within)
        return None if tokens is None else await self._with_tokens(visit, session, tokens)

    async def _with_tokens(self, visit: PageRequest, session: Session, tokens: Tokens) -> Session:
        refresh_token = tokens.refresh_token or session.refresh_token
        try:
            return await session_of(visit, tokens.access_token, session.name, refresh_token=refresh_token)
        except (Problem, ApiAway):
            # The provider has replaced the old tokens, so these must not be lost, whatever the API says or does not.
            return replace(
                session,
                token=tokens.access_token,
                refresh_token=refresh_token,
                issued_at=tokens.issued_at,
                expires_at=tokens.expires_at,
            )

    async def _begin(self, visit: PageRequest) -> Response:
        target = path_of_ours(visit.query.get("next"))
        try:
            url, attempt = await self._provider.begin(target)
        except ProviderAway:
            return await self._failed(visit, 503, _AWAY, target)
        response = visit.redirect(url)
        self._attempts.write(response, self._begun(visit).with_another(attempt))
        return response

    async def _finish(self, visit: PageRequest) -> Response:
        begun = self._begun(visit)
        attempt = begun.of(visit.query.get("state", ""))
        target = attempt.next if attempt else "/"
        try:
            tokens = await self._provider.finish(visit.query, attempt)
            session = await session_of(visit, tokens.access_token, tokens.name, refresh_token=tokens.refresh_token)
            response = visit.redirect(target)
            visit.console.cookies.sign_in(response, session, visit.cookies)
        except SignInRefused as error:
            _log.info("somebody did not get signed in", reason=str(error))
            response = await self._failed(visit, 400, _REFUSED, target)
        except (ProviderAway, ApiAway):
            response = await self._failed(visit, 503, _AWAY, target)
        except Problem as problem:
            _log.warning("the API does not accept the provider's token", status=problem.status, slug=problem.slug)
            away = problem.passes
            response = await self._failed(visit, 503 if away else 403, _AWAY if away else _NOT_ACCEPTED, target)
        except TooLargeForCookies:
            _log.error("the provider's tokens do not fit into cookies")
            response = await self._failed(visit, 403, _NOT_ACCEPTED, target)
        if others := begun.without(attempt).begun:
            self._attempts.write(response, Attempts(others))
        else:
            self._attempts.clear(response, visit.cookies)
        return response

    def _begun(self, visit: PageRequest) -> Attempts:
        return self._attempts.read(visit.cookies) or Attempts()

    async def _failed(self, visit: PageRequest, status: int, text: str, target: str) -> Response:
        page = SignInPage(visit.texts(N_("Not signed in")), visit.texts(text), target)
        return await visit.page("sign_in/message.html", page, status)

    async def _end(self, visit: PageRequest) -> Response:
        """End the session here, and at the provider, which would otherwise sign the person in again without asking."""
        try:
            url = await self._provider.sign_out_url(self._origin + SIGNED_OUT)
        except ProviderAway:
            url = None
        response = visit.redirect(url or SIGNED_OUT)
        visit.console.cookies.end(response, visit.cookies)
        return response

    async def _signed_out(self, visit: PageRequest) -> Response:
        text = visit.texts(N_("You are signed out of this console."))
        return await visit.page("sign_in/message.html", SignInPage(visit.texts(N_("Signed out")), text, "/"))
