"""Signs messages as Standard Webhooks says, so that a consumer can check who has sent them, and when."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import floor

from standardwebhooks import Webhook


def signed(message_id: str, content: str, keys: Sequence[str], now: datetime) -> Mapping[str, str]:
    """Return the headers that sign a message: one signature for each secret. The content is sent as UTF-8.

    Each attempt is signed anew, because consumers refuse old times.

    Args:
        message_id: The id of the event. It has to be without full stops, because they separate what is signed.
        content: The body, exactly as it is sent.
        keys: The secrets of the subscription that count, at least one.
        now: The time of this attempt.
    """
    now = now.astimezone(UTC)  # standardwebhooks does not convert times of other zones
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(floor(now.timestamp())),
        "webhook-signature": " ".join(Webhook(key).sign(message_id, now, content) for key in keys),
    }
