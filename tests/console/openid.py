"""An OpenID provider on a port of this machine, around the suite's issuer of tokens."""

import base64
import hashlib
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from uvicorn import Config, Server

from tests.api.issuer import Issuer, as_jwk
from tests.eventually import eventually

CLIENT_ID, CLIENT_SECRET = "console", "a-secret"
_FORM = """<!doctype html><html lang="en"><title>Provider</title><form method="post"><label>Person
<input name="person"></label><button>Sign in</button></form></html>"""


@dataclass
class OpenIdProvider:
    """What the provider knows, and what it has been asked for."""

    issuer: Issuer
    roles: dict[str, list[str]] = field(default_factory=dict)
    """People, and their roles."""
    person: str | None = None
    """Who is signed in at the provider. None: it asks."""
    lifetime: int = 600
    """Seconds for which an access token is good."""
    clock: int = 0
    """Seconds by which the provider makes tokens that are older."""
    more: dict[str, Any] = field(default_factory=dict)
    """Further members of the discovery document, or other values."""
    id_claims: dict[str, Any] = field(default_factory=dict)
    """Claims of ID tokens that differ."""
    access_claims: dict[str, Any] = field(default_factory=dict)
    key_id: str = "one"
    """The key that signs."""
    answers: bool = True
    refresh_padding: str = ""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refresh_tokens: dict[str, str] = field(default_factory=dict)
    """The person of each refresh token that has not been used."""
    renewals: int = 0
    refused: int = 0
    """Refresh tokens that were used a second time."""
    signed_out: list[Mapping[str, str]] = field(default_factory=list)

    def forget(self) -> None:
        """Be as at the beginning, for another test."""
        vars(self).update(vars(OpenIdProvider(Issuer(self.issuer.file, name=self.issuer.name), self.roles)))

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of an API and a console that trust this provider."""
        return {
            **self.issuer.settings,
            "console_oidc_client_id": CLIENT_ID,
            "console_oidc_client_secret": CLIENT_SECRET,
        }

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.discovery),
                Route("/keys", self.keys),
                Route("/authorize", self.authorize, methods=["GET", "POST"]),
                Route("/token", self.token, methods=["POST"]),
                Route("/logout", self.log_out),
            ]
        )

    async def discovery(self, request: Request) -> Response:
        if not self.answers:
            return Response(status_code=502)
        name = self.issuer.name
        document = {
            "issuer": name,
            "authorization_endpoint": f"{name}/authorize",
            "token_endpoint": f"{name}/token",
            "jwks_uri": f"{name}/keys",
            "end_session_endpoint": f"{name}/logout",
            "id_token_signing_alg_values_supported": ["none", "ES256", "RS256"],
        }
        return JSONResponse({**document, **self.more})

    async def keys(self, request: Request) -> Response:
        return JSONResponse({"keys": [as_jwk(key_id, key) for key_id, key in self.issuer.keys.items()]})

    async def authorize(self, request: Request) -> Response:
        query = request.query_params
        assert (query["response_type"], query["client_id"]) == ("code", CLIENT_ID)
        assert query["code_challenge_method"] == "S256"
        if request.method == "POST":
            self.person = str((await request.form())["person"])
        if self.person is None:
            return HTMLResponse(_FORM)
        code = secrets.token_urlsafe()
        self.codes[code] = {**query, "person": self.person}
        back = urlencode({"code": code, "state": query["state"]})
        return RedirectResponse(f"{query['redirect_uri']}?{back}", 303)

    async def token(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        if not self.answers:
            return Response(status_code=502)
        if not _is_the_client(request, form):
            return JSONResponse({"error": "invalid_client"}, 401)
        if form["grant_type"] == "refresh_token":
            return self._renew(form)
        begun = self.codes.pop(form["code"], None)
        if begun is None or form["redirect_uri"] != begun["redirect_uri"] or not _is_verified(form, begun):
            return JSONResponse({"error": "invalid_grant"}, 400)
        claims = {"sub": begun["person"], "aud": CLIENT_ID, "nonce": begun["nonce"], "name": f"{begun['person']} 님"}
        claims = self.issuer.claims(**{**claims, "roles": None, "regions": None, **self.id_claims})
        id_token = self.issuer.sign(claims, self.key_id)
        return JSONResponse({**self._tokens(begun["person"]), "id_token": id_token})

    def _renew(self, form: Mapping[str, str]) -> Response:
        person = self.refresh_tokens.pop(form["refresh_token"], None)
        if person is None:
            self.refused += 1
            return JSONResponse({"error": "invalid_grant"}, 400)
        self.renewals += 1
        return JSONResponse(self._tokens(person))

    def _tokens(self, person: str) -> dict[str, Any]:
        refresh = secrets.token_urlsafe() + self.refresh_padding
        self.refresh_tokens[refresh] = person
        now = self.issuer.claims()["iat"] - self.clock
        claims = {"iat": now, "nbf": now, "exp": now + self.lifetime, **self.access_claims}
        access = self.issuer.sign(self.issuer.claims(person, *self.roles.get(person, ()), **claims), self.key_id)
        return {"access_token": access, "token_type": "Bearer", "expires_in": self.lifetime, "refresh_token": refresh}

    async def log_out(self, request: Request) -> Response:
        self.signed_out.append(dict(request.query_params))
        self.person = None
        return RedirectResponse(request.query_params["post_logout_redirect_uri"], 303)


@contextmanager
def provided(directory: Path, **people: str) -> Iterator[OpenIdProvider]:
    """Run a provider with people, each with one role."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        provider = OpenIdProvider(
            Issuer(directory / "provider_keys.json", name=url), {name: [role] for name, role in people.items()}
        )
        server = Server(Config(provider.app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            eventually(lambda: server.started, what="the provider listens")
            yield provider
        finally:
            server.should_exit = True
            thread.join()


def _is_the_client(request: Request, form: Mapping[str, str]) -> bool:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Basic":
        return base64.b64decode(encoded).decode() == f"{CLIENT_ID}:{CLIENT_SECRET}"
    return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)


def _is_verified(form: Mapping[str, str], begun: Mapping[str, str]) -> bool:
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == begun["code_challenge"]
