"""Tracking links, and what a browser keeps of one."""

from dataclasses import replace
from typing import Any

from runtime.settings import Settings
from tests.api.trackers import key_in, signed
from tests.console.browser import Browser
from tests.console.managers.test_board import ORDER

MINE, OTHERS = replace(ORDER, order_id="mine", customer_id="1"), replace(ORDER, order_id="others", customer_id="2")
ORDERS = (MINE, OTHERS)
PAGE = f"/orders/{MINE.order_id}"
COOKIE = "tracking"


def token_of(order_id: str = MINE.order_id, **claims: Any) -> str:
    """Sign a token for an order, by the key of the tests' environment."""
    keys = Settings().tracking_keys
    assert keys is not None
    return signed(key_in(keys.get_secret_value()), order_id, **claims)


async def opened_link(browser: Browser, token: str | None = None) -> str:
    """Open a link. Returns where it leads."""
    answer = await browser.post(f"/t/{token or token_of()}")
    assert answer.status_code == 303
    return str(answer.headers["Location"])


def leads_to_sign_in(location: str) -> bool:
    """Return whether an answer leads to the sign-in."""
    return location.startswith("/login?next=")
