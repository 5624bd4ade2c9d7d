"""Signatures, as the library of the standard verifies them."""

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from activities.event_delivery.signing import signed

FIRST, SECOND, OTHER = (f"whsec_{base64.b64encode(bytes([number]) * 32).decode()}" for number in (1, 2, 3))
CONTENT = '{"name":"가입","escaped":"\\u001B","number":1.0}'


def test_each_secret_that_counts_verifies_the_bytes_that_are_sent() -> None:
    headers = dict(signed("a1-0-ff", CONTENT, [FIRST, SECOND], datetime.now(UTC)))

    for secret in (FIRST, SECOND):
        assert Webhook(secret).verify(CONTENT.encode(), headers)["name"] == "가입"
    for content, secret in ((CONTENT, OTHER), (CONTENT.replace("1.0", "1"), FIRST)):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(content.encode(), headers)


def test_an_attempt_is_signed_with_its_own_time_whatever_the_zone() -> None:
    now = datetime.now(UTC)
    here = dict(signed("a1", CONTENT, [FIRST], now.astimezone(timezone(timedelta(hours=9)))))

    assert here == signed("a1", CONTENT, [FIRST], now)
    assert Webhook(FIRST).verify(CONTENT, here)
    later = signed("a1", CONTENT, [FIRST], now + timedelta(seconds=1))
    assert later["webhook-timestamp"] != here["webhook-timestamp"]
    assert later["webhook-signature"] != here["webhook-signature"]
