"""Tracking tokens, good and forged ones."""

import time
from datetime import UTC, datetime
from typing import Any

import jwt

from api.security.tracking import tracking_of
from domain.orders import Order
from runtime.settings import Settings
from runtime.tracking_keys import TrackingKeys


def tracker_token(order_id: str) -> str:
    """Return a good token for an order, by the key of the tests' environment."""
    tracking = tracking_of(Settings())
    assert tracking is not None
    token, _ = tracking.make(Order(order_id), datetime.now(UTC))
    return token


def key_in(keys: str) -> bytes:
    """Return the key that signs."""
    ring = TrackingKeys.parse(keys)
    return ring.by_id[ring.newest]


def signed(key: bytes, order_id: str = "own-order", *, typ: str | None = "tracking+jwt", **claims: Any) -> str:
    """Sign a token as this service would, but for these changes. A claim that is given as `None` is left out."""
    now = int(time.time())
    default = {"iss": "urn:subscription-orders:tracking", "sub": order_id, "iat": now, "exp": now + 600}
    said = {name: value for name, value in {**default, **claims}.items() if value is not None}
    return jwt.encode(said, key, "HS256", {"typ": typ})
