"""The OpenID provider that `AUTH_ISSUER` names: the authorization code flow with PKCE.

See OpenID Connect Core 1.0 and RFC 7636.

Authlib makes and checks what is exchanged. Of the provider's discovery document only the members that are needed here
are used, and only addresses that nobody on the way can answer for.
"""

import asyncio
import hmac
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import httpx2
import jwt
import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.integrations.starlette_client import OAuth
from joserfc.errors import JoseError

from runtime.issuer_urls import check_keys

ANSWERS_WITHIN = 6.0
"""Seconds within which the provider has to answer all requests of one step."""
FRESH_FOR = 3600.0
"""Seconds after which the discovery document is read again."""
_MOST_ATTEMPTS = 3
_DISCOVERY = "/.well-known/openid-configuration"
_SCOPE = "openid profile"
_ALGORITHMS = ("RS256", "ES256", "PS256")
"""Signatures of ID tokens that count, if the provider says that it uses them."""
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_SIGNING_OUT = {"end_session_endpoint"}
"""Endpoints that a provider may have."""
_CLOCKS_DIFFER_BY = 30
"""Seconds."""
_NOT_AN_ANSWER = (
    TimeoutError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    # What the provider has sent is not what it should be.
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
)

_log = structlog.get_logger(__name__)


class ProviderAway(Exception):
    """The provider cannot be reached, or answers what is not of OpenID Connect."""


class SignInRefused(Exception):
    """The provider refuses, or the answer does not belong to what this browser has begun."""


@dataclass(frozen=True)
class Attempt:
    """A sign-in that has begun. The browser keeps it, encrypted, until it comes back."""

    state: str
    nonce: str
    code_verifier: str
    next: str
    """Path to which the person wanted to go."""


@dataclass(frozen=True)
class Attempts:
    """The sign-ins that a browser has begun, the newest last: several of its tabs may be at the provider at once."""

    begun: tuple[Attempt, ...] = ()

    def of(self, state: str) -> Attempt | None:
        """Return the one to which an answer of the provider belongs, or None."""
        return next((one for one in self.begun if one.state == state), None)

    def with_another(self, attempt: Attempt) -> Self:
        """Return them with one more. Of too many, the oldest go."""
        return type(self)((*self.begun, attempt)[-_MOST_ATTEMPTS:])

    def without(self, attempt: Attempt | None) -> Self:
        """Return those that are still at the provider."""
        return type(self)(tuple(one for one in self.begun if one != attempt))


@dataclass(frozen=True)
class Tokens:
    """What the provider gives for a person."""

    access_token: str
    refresh_token: str | None
    issued_at: float
    expires_at: float
    """Seconds since 1970, as `issued_at`."""
    name: str | None = None
    """What the person is called. None: the provider does not say."""


class OpenIdProvider:
    """A client of the provider."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str | None,
        redirect_uri: str,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self._now = now
        self._app: Any = None
        self._read_at = 0.0
        self._reading = asyncio.Lock()

    async def begin(self, next_path: str) -> tuple[str, Attempt]:
        """Return the address at which a person signs in, and what the browser has to keep until it comes back.

        Raises:
            ProviderAway: the provider does not answer.
        """
        async with _answering():
            app = await self._discovered()
            made = await app.create_authorization_url(self._redirect_uri)
            return made["url"], Attempt(made["state"], made["nonce"], made["code_verifier"], next_path)

    async def finish(self, query: Mapping[str, str], attempt: Attempt | None) -> Tokens:
        """Exchange what the browser has brought back for tokens.

        Raises:
            SignInRefused: the provider refuses, or this browser has not begun this sign-in.
            ProviderAway: the provider does not answer.
        """
        if attempt is None or not hmac.compare_digest(query.get("state", "").encode(), attempt.state.encode()):
            raise SignInRefused("mismatching_state")
        if "error" in query:
            raise SignInRefused(query["error"][:100])
        async with _answering():
            app = await self._discovered()
            given = await app.fetch_access_token(
                self._redirect_uri, code=query.get("code", ""), code_verifier=attempt.code_verifier
            )
            if "id_token" not in given:
                raise SignInRefused("missing_id_token")
            person = await app.parse_id_token(given, nonce=attempt.nonce, leeway=_CLOCKS_DIFFER_BY)
            return self._tokens(given, person.get("name") or person.get("preferred_username"))

    async def renew(self, refresh_token: str) -> Tokens:
        """Exchange a refresh token for new tokens.

        Raises:
            SignInRefused: the provider refuses: it has been used, has ended, or the person has signed out.
            ProviderAway: the provider does not answer.
        """
        async with _answering():
            app = await self._discovered()
            async with AsyncOAuth2Client(self._client_id, self._client_secret, **app.client_kwargs) as client:
                given = await client.refresh_token(app.access_token_url, refresh_token=refresh_token)
            return self._tokens(given, None)

    async def sign_out_url(self, return_to: str) -> str | None:
        """Return the address at which the provider ends its own session, or None if it has none.

        Raises:
            ProviderAway: the provider does not answer.
        """
        async with _answering():
            app = await self._discovered()
            if "end_session_endpoint" not in app.server_metadata:
                return None
            made = await app.create_logout_url(return_to, client_id=self._client_id)
            return str(made["url"])

    def _tokens(self, given: Mapping[str, Any], name: Any) -> Tokens:
        now = self._now()
        token = str(given["access_token"])
        return Tokens(
            token,
            given.get("refresh_token"),
            now,
            _expiry(token, given, now),
            str(name)[:200] if name else None,
        )

    async def _discovered(self) -> Any:
        """Return Authlib's client of the provider, made from a discovery document that is fresh."""
        async with self._reading:
            if self._app is None or self._now() - self._read_at >= FRESH_FOR:
                self._app = self._register(*await self._read())
                self._read_at = self._now()
            return self._app

    async def _read(self) -> tuple[ssl.SSLContext, Mapping[str, Any]]:
        # Reading the machine's certificates would block the event loop for too long.
        trusted = await asyncio.to_thread(ssl.create_default_context)
        async with httpx2.AsyncClient(**_connecting(trusted)) as client:
            answer = (await client.get(self._issuer.rstrip("/") + _DISCOVERY)).raise_for_status()
        found = answer.json()
        if found["issuer"] != self._issuer:
            raise ValueError("the discovery document belongs to another issuer")
        for endpoint in (*_ENDPOINTS, *(_SIGNING_OUT & found.keys())):
            check_keys(found[endpoint], self._issuer)
        return trusted, found

    def _register(self, trusted: ssl.SSLContext, found: Mapping[str, Any]) -> Any:
        offered = found.get("id_token_signing_alg_values_supported") or _ALGORITHMS[:1]
        signing_out = {name: found[name] for name in _SIGNING_OUT & found.keys()}
        return OAuth().register(
            "issuer",
            client_id=self._client_id,
            client_secret=self._client_secret,
            authorize_url=found["authorization_endpoint"],
            access_token_url=found["token_endpoint"],
            client_kwargs={
                "scope": _SCOPE,
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": self._authentication(found),
                **_connecting(trusted),
            },
            issuer=self._issuer,
            jwks_uri=found["jwks_uri"],
            id_token_signing_alg_values_supported=[name for name in _ALGORITHMS if name in offered],
            **signing_out,
        )

    def _authentication(self, found: Mapping[str, Any]) -> str:
        """Return how this client proves who it is."""
        if self._client_secret is None:
            return "none"
        offered = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"


def _connecting(trusted: ssl.SSLContext) -> dict[str, Any]:
    """Return the settings of connections. Proxies of the environment may be meant for something else."""
    return {"verify": trusted, "trust_env": False, "follow_redirects": False, "timeout": ANSWERS_WITHIN}


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    """Turn whatever can go wrong with the provider into the two errors of this module."""
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            yield
    except OAuthError as error:
        raise SignInRefused(str(error.error)[:100]) from error
    except JoseError as error:
        raise SignInRefused(f"id_token: {error.error}") from error
    except _NOT_AN_ANSWER as error:
        reason = str(error) if isinstance(error, ValueError) else None
        _log.warning("the OpenID provider does not answer as it should", error=type(error).__qualname__, reason=reason)
        raise ProviderAway(type(error).__qualname__) from error


def _expiry(token: str, given: Mapping[str, Any], now: float) -> float:
    """Return when a token ends. The API checks its signature; here it only says when a new one is needed.

    Raises:
        ValueError: neither the provider nor the token says it.
    """
    ends = [now + float(given["expires_in"])] if given.get("expires_in") else []
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        ends += [float(claims["exp"])] if "exp" in claims else []
    except jwt.InvalidTokenError:
        pass  # an opaque token is the API's to refuse
    if not ends:
        raise ValueError("the provider does not say when the token ends")
    return min(ends)
