"""Tracking tokens: with one, somebody without an account follows, moves or cancels one order.

They are JWTs (RFC 7519) that this API signs itself, with keys that all its processes share.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import jwt

from api.security.principals import Identity, Role
from domain.orders import Order
from runtime import tracking_keys
from runtime.settings import Settings
from runtime.tracking_keys import TrackingKeys

TYPE = "tracking+jwt"
"""The `typ` of the header, which distinguishes these tokens from those of the issuer."""
ISSUER = "urn:subscription-orders:tracking"
WITHOUT_VISIT = timedelta(days=30)
"""How long a token is good if no visit is booked."""
_ALGORITHM = "HS256"
_CHECKED: Any = {"require": ["iss", "sub", "iat", "exp"], "verify_iat": False}
"""`iat` is set by this service alone, whose processes' clocks may differ a little."""


class TrackingTokens:
    """Makes and verifies tracking tokens."""

    def __init__(self, keys: TrackingKeys, after_visit: timedelta) -> None:
        """Create a signer.

        Args:
            keys: The first one signs, all of them verify.
            after_visit: How long a token is good after the end of the visit.
        """
        self._keys = keys
        self._after_visit = after_visit

    def make(self, order: Order, now: datetime) -> tuple[str, datetime]:
        """Return a token for an order, and when it ends."""
        expires_at = self._end(order, now).replace(microsecond=0)
        claims = {"iss": ISSUER, "sub": order.order_id, "iat": now, "exp": expires_at}
        return jwt.encode(claims, self._keys.by_id[self._keys.newest], _ALGORITHM, {"typ": TYPE}), expires_at

    def check(self, token: str) -> Identity:
        """Verify a token, and return its claims.

        Raises:
            jwt.PyJWTError: no key has signed it, or it has expired, or it is not such a token.
        """
        for key in self._keys.by_id.values():
            with suppress(jwt.InvalidSignatureError):
                claims = jwt.decode(token, key, [_ALGORITHM], _CHECKED, issuer=ISSUER)
                ends, issued_at = float(claims["exp"]), float(claims["iat"])
                return Identity(claims["sub"], ends, frozenset({Role.TRACKER}), issued_at=issued_at)
        raise jwt.InvalidSignatureError

    def _end(self, order: Order, now: datetime) -> datetime:
        """Return the end of a token. A visit that was over long ago counts as none."""
        if order.visit is not None and (end := order.visit.end + self._after_visit) > now:
            return end
        return now + WITHOUT_VISIT


def is_tracking(header: dict[str, Any]) -> bool:
    """Return whether a token is a tracking token, by its header."""
    return str(header.get("typ")).lower() == TYPE


def tracking_of(settings: Settings) -> TrackingTokens | None:
    """Return the tracking tokens with the keys of the settings, or of the file in `DATA_DIR`. `None`: there are none.

    Raises:
        ValueError: the file does not contain valid keys.
    """
    if settings.tracking_keys is not None:
        keys: TrackingKeys | None = TrackingKeys.parse(settings.tracking_keys.get_secret_value())
    else:
        keys = tracking_keys.read_file(settings.tracking_keys_file)
    return TrackingTokens(keys, timedelta(days=settings.tracking_token_days)) if keys else None
