"""Bearer tokens (RFC 6750): JWTs that a trusted issuer has signed for this service, and what they say."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from time import time
from typing import Any

import jwt
import structlog
from jwt import PyJWK

from api.http.errors import Unauthenticated
from api.security.jwks import ALGORITHMS, Keys
from api.security.principals import Identity, Role
from runtime import development_issuer
from runtime.settings import Settings

LARGEST_TOKEN = 8 * 1024
"""Characters."""
LONGEST_SUBJECT = 150
"""Characters: with its role before it, it is noted in orders' histories."""
MOST_KEPT = 10_000
"""Good tokens, at some 1 KB each, that are known again without being verified anew."""
LEEWAY = 30
"""Seconds by which the issuer's clock may differ."""
_CHECKED: Any = {"require": ["iss", "aud", "exp", "sub"], "enforce_minimum_key_length": True}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Trust:
    """Whose tokens count."""

    issuer: str
    audience: str
    """What they have to be made out to."""
    jwks_url: str | None = None
    roles_claim: str = "roles"
    """A claim, or the way to one within others, with dots."""

    @property
    def discovery(self) -> str | None:
        """Where the issuer tells what it does, where it has a place of its own (OpenID Connect Discovery 1.0)."""
        return self.issuer.rstrip("/") + "/.well-known/openid-configuration" if "://" in self.issuer else None


def trust_of(settings: Settings) -> Trust | None:
    """Whose tokens this process asks for, if it does.

    Raises:
        InsecureConfiguration: as `Settings.require_authentication_beyond_loopback`.
    """
    settings.require_authentication_beyond_loopback()
    if settings.auth_issuer is None or settings.auth_audience is None:
        if not settings.auth_required:
            return None
        own = development_issuer
        return Trust(own.ISSUER, own.AUDIENCE, own.publish(settings.data_dir))
    return Trust(settings.auth_issuer, settings.auth_audience, settings.auth_jwks_url, settings.auth_roles_claim)


class Tokens:
    """Checks tokens."""

    def __init__(self, trust: Trust, keys: Keys | None = None) -> None:
        self._trust = trust
        self.keys = keys or Keys(trust.issuer, trust.jwks_url)
        self._good: dict[bytes, _Good] = {}
        """The latest, by their hashes: most come again and again, and to verify one takes longer than to read a row."""

    async def check(self, token: str) -> Identity:
        """Who has sent a token.

        Raises:
            Unauthenticated: it is no token of the issuer's for this service and this time.
            NoAnswerInTime: the issuer, whose key it is to tell, does not answer.
        """
        try:
            return await self._checked(token)
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("the token has expired", invalid=True) from None
        except (jwt.PyJWTError, ValueError, OverflowError) as error:
            _log.info("token refused", error=type(error).__qualname__)
            raise Unauthenticated("the token is not valid", invalid=True) from None

    async def _checked(self, token: str) -> Identity:
        if len(token) > LARGEST_TOKEN:
            raise ValueError("too long")
        known_as = sha256(token.encode()).digest()
        good = self._good.get(known_as)
        if good is not None and good.identity.expires_at > time() and await self.keys.find(good.key_id) is good.key:
            return good.identity
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            raise jwt.InvalidAlgorithmError
        key_id = header.get("kid", "")
        key = await self.keys.find(key_id)
        if key is None:
            raise jwt.InvalidKeyError
        identity = self._identity(self._verified(token, key))
        while len(self._good) >= MOST_KEPT:
            del self._good[next(iter(self._good))]
        self._good[known_as] = _Good(identity, key_id, key)
        return identity

    def _verified(self, token: str, key: PyJWK) -> Mapping[str, Any]:
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=self._trust.audience,
            issuer=self._trust.issuer,
            leeway=LEEWAY,
            options=_CHECKED,
        )
        return claims

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        subject = claims["sub"]
        if not 1 <= len(subject) <= LONGEST_SUBJECT or not subject.isprintable() or subject != subject.strip():
            raise ValueError("a subject like no other")
        regions = claims.get("regions")
        return Identity(
            subject,
            float(claims["exp"]) + LEEWAY,
            frozenset(role for role in Role if role in _words(_claim(claims, self._trust.roles_claim))),
            frozenset(_words(claims.get("scope"))),
            None if regions is None else frozenset(_words(regions)),
        )


@dataclass(frozen=True)
class _Good:
    """A token that has been verified; it counts until it ends, or its key is renewed or withdrawn."""

    identity: Identity
    key_id: str
    key: PyJWK


def _claim(claims: Any, name: str) -> Any:
    """A claim of this name, which may hold dots itself, as a URL does; or the one that the dots lead to."""
    if isinstance(claims, Mapping):
        if name in claims:
            return claims[name]
        first, dot, rest = name.partition(".")
        if dot:
            return _claim(claims.get(first), rest)
    return None


def _words(claim: Any) -> list[str]:
    """Of a list, or of a text with blanks between.

    Raises:
        ValueError: it is neither.
    """
    if claim is None:
        return []
    words = claim.split() if isinstance(claim, str) else claim
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError("a claim that is no list of words")
    return words
