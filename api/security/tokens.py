"""Bearer tokens (RFC 6750): verifies JWTs that a trusted issuer or this service has signed, and reads their claims."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from time import time
from typing import Any

import jwt
import structlog
from jwt import PyJWK
from prometheus_client import CollectorRegistry, Gauge

from api.http.errors import Unauthenticated
from api.security.jwks import ALGORITHMS, Keys
from api.security.principals import LEEWAY, ROLES_OF_ISSUERS, Identity, Role
from api.security.revocations import Revocations
from api.security.tracking import TrackingTokens, is_tracking, tracking_of
from runtime import development_issuer
from runtime.settings import Settings

LARGEST_TOKEN = 8 * 1024
"""The longest token, in characters."""
LONGEST_SUBJECT = 150
"""The longest subject, in characters. Orders' histories contain it with its role as a prefix."""
MOST_KEPT = 10_000
"""The largest number of verified tokens in the cache, at about 1 KB each."""
EVERYWHERE = "*"
"""The region that stands for the whole country."""
_ACCESS_TOKENS = frozenset({"jwt", "at+jwt", "application/at+jwt"})
"""Types that the header of an access token may name, in small letters (RFC 9068). Many issuers name none, or `JWT`."""
_OTHER_TOKENS = frozenset({"ID", "Refresh", "Offline", "Logout"})
"""Types that Keycloak gives in the claim `typ` to tokens that are not for an API."""
_CHECKED: Any = {"require": ["iss", "aud", "exp", "sub"], "enforce_minimum_key_length": True}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Trust:
    """The trusted issuer, and what its tokens have to contain."""

    issuer: str
    audience: str
    """The required audience of the tokens."""
    jwks_url: str | None = None
    roles_claim: str = "roles"
    """The claim with the roles, or a dotted path to a nested claim."""
    regions_claim: str = "regions"
    """The claim with a manager's regions, or a dotted path."""
    regions_required: bool = True
    """Whether a manager reaches no region without that claim. If not, the manager reaches the whole country."""
    longest_lifetime: float = 86_400.0
    """Seconds for which a token may be valid. Tokens of operators alone, who read metrics alone, may last longer."""

    @property
    def discovery(self) -> str | None:
        """The URL of the discovery document (OpenID Connect Discovery 1.0), or None if the issuer is not a URL."""
        return self.issuer.rstrip("/") + "/.well-known/openid-configuration" if "://" in self.issuer else None


def trust_of(settings: Settings) -> Trust:
    """Return the issuer that this process trusts: that of the settings, or the one in `DATA_DIR`.

    Raises:
        InsecureConfiguration: as `Settings.require_authentication_beyond_loopback`.
    """
    settings.require_authentication_beyond_loopback()
    required, longest = settings.auth_regions_required, settings.auth_longest_lifetime
    if settings.auth_issuer is None or settings.auth_audience is None:
        own, keys = development_issuer, development_issuer.keys_url(settings.data_dir)
        return Trust(own.ISSUER, own.AUDIENCE, keys, regions_required=required, longest_lifetime=longest)
    return Trust(
        settings.auth_issuer,
        settings.auth_audience,
        settings.auth_jwks_url,
        settings.auth_roles_claim,
        settings.auth_regions_claim,
        required,
        longest,
    )


def tokens_of(settings: Settings, trust: Trust, registry: CollectorRegistry) -> "Tokens":
    """Return what verifies the tokens of an issuer, and tracking tokens, by the settings.

    Raises:
        InsecureConfiguration: as `Revocations`.
        ValueError: as `tracking_of`.
    """
    file = settings.revoked_tokens
    revocations = Revocations(file, registry) if file else None
    tokens = Tokens(trust, revocations=revocations, tracking=tracking_of(settings))
    if settings.requires_authentication:  # otherwise nobody may ask for the keys for days
        age = Gauge("issuer_keys_age_seconds", "Time since the issuer of tokens last told its keys", registry=registry)
        age.set_function(tokens.keys.age)
    return tokens


class Tokens:
    """Verifies tokens, and caches the verified ones."""

    def __init__(
        self,
        trust: Trust,
        keys: Keys | None = None,
        revocations: Revocations | None = None,
        tracking: TrackingTokens | None = None,
    ) -> None:
        self._trust = trust
        self.keys = keys or Keys(trust.issuer, trust.jwks_url)
        self.revocations = revocations
        self.tracking = tracking
        self._cache: dict[bytes, _VerifiedToken] = {}
        """Verified tokens by hash. Most are sent repeatedly, and verifying one takes longer than reading a row."""

    async def check(self, token: str) -> Identity:
        """Verify a token, and return its claims.

        Raises:
            Unauthenticated: the token is not the issuer's, not for this service, not valid at this time, or revoked.
            NoAnswerInTime: the token's key is not cached, and the issuer does not answer.
        """
        try:
            identity = await self._checked(token)
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("the token has expired", invalid=True) from None
        except (jwt.PyJWTError, ValueError, OverflowError) as error:
            _log.info("token refused", error=type(error).__qualname__)
            raise Unauthenticated("the token is not valid", invalid=True) from None
        if self.revoked(identity):
            raise Unauthenticated("the token has been revoked", invalid=True)
        return identity

    def revoked(self, identity: Identity) -> bool:
        """Return whether a token with these claims, which was valid, has been revoked since."""
        return self.revocations is not None and self.revocations.applies(identity.subject, identity.issued_at)

    def name_known_key(self, token: str) -> bool:
        """Return whether a token, valid or not, can be verified without waiting for the issuer."""
        if len(token) > LARGEST_TOKEN:
            return False
        try:
            header = jwt.get_unverified_header(token)
            return is_tracking(header) or self.keys.knows(header.get("kid", ""))
        except jwt.PyJWTError:
            return False

    async def _checked(self, token: str) -> Identity:
        if len(token) > LARGEST_TOKEN:
            raise ValueError("the token is too long")
        digest = sha256(token.encode()).digest()
        cached = self._cache.get(digest)
        if cached and cached.identity.accepted_until > time() and await self.keys.find(cached.key_id) is cached.key:
            return cached.identity
        header = jwt.get_unverified_header(token)
        if is_tracking(header):
            if self.tracking is None:
                raise jwt.InvalidKeyError
            return self.tracking.check(token)
        if header.get("alg") not in ALGORITHMS:
            raise jwt.InvalidAlgorithmError
        if str(header.get("typ", "JWT")).lower() not in _ACCESS_TOKENS:
            raise ValueError("the header names another type of token")
        key_id = header.get("kid", "")
        key = await self.keys.find(key_id)
        if key is None:
            raise jwt.InvalidKeyError
        identity = self._identity(self._verified(token, key))
        while len(self._cache) >= MOST_KEPT:
            del self._cache[next(iter(self._cache))]
        self._cache[digest] = _VerifiedToken(identity, key_id, key)
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
            raise ValueError("the subject is not valid")
        kind = claims.get("typ")
        if kind is not None and (not isinstance(kind, str) or kind in _OTHER_TOKENS):
            raise ValueError("the token is not an access token")
        issued_at = float(claims["iat"]) if "iat" in claims else None
        named = _words(_claim(claims, self._trust.roles_claim))
        roles = frozenset(role for role in ROLES_OF_ISSUERS if role in named)
        lifetime = float(claims["exp"]) - (time() if issued_at is None else issued_at)
        if lifetime > self._trust.longest_lifetime and roles != {Role.OPERATOR}:
            raise Unauthenticated("the token is valid for longer than this API accepts", invalid=True)
        return Identity(
            subject,
            float(claims["exp"]),
            roles,
            frozenset(_words(claims.get("scope"))),
            self._regions(claims),
            issued_at,
        )

    def _regions(self, claims: Mapping[str, Any]) -> frozenset[str] | None:
        """Return the regions that a manager reaches, or None for the whole country."""
        claim = _claim(claims, self._trust.regions_claim)
        if claim is None and not self._trust.regions_required:
            return None
        regions = frozenset(_words(claim))
        return None if EVERYWHERE in regions else regions


@dataclass(frozen=True)
class _VerifiedToken:
    """A verified token. It is valid until it expires, or its key is replaced or withdrawn."""

    identity: Identity
    key_id: str
    key: PyJWK


def _claim(claims: Any, name: str) -> Any:
    """Return the claim with this name, which may contain dots, as a URL does; or the claim at the dotted path."""
    if isinstance(claims, Mapping):
        if name in claims:
            return claims[name]
        first, dot, rest = name.partition(".")
        if dot:
            return _claim(claims.get(first), rest)
    return None


def _words(claim: Any) -> list[str]:
    """Return the words of a claim, which is a list, or a text separated by blanks.

    Raises:
        ValueError: the claim is neither.
    """
    if claim is None:
        return []
    words = claim.split() if isinstance(claim, str) else claim
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError("the claim is not a list of words")
    return words
