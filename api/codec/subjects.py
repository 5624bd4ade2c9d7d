"""Whom the content of a payload is about, as far as it says so. Nothing outside of the content names its workflow."""

import json
import re
from dataclasses import dataclass
from typing import Any

from api.http.fields import ID
from domain.orders import workflow_id


@dataclass(frozen=True)
class Subject:
    """The order and the customer of a payload. Without an id, they are not known."""

    order_id: str = ""
    customer_id: str | None = None

    @property
    def workflow_id(self) -> str | None:
        """The id of the order's workflow."""
        return workflow_id(self.order_id) if self.order_id else None


def subject_of(content: bytes) -> Subject:
    """Return whom a decrypted payload is about: an order, or a value that contains or names one."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return Subject()
    if not isinstance(value, dict):
        return Subject()
    order = value.get("order")
    found: dict[str, Any] = value | order if isinstance(order, dict) else value
    order_id, customer_id = found.get("order_id"), found.get("customer_id")
    # Temporal's content is nothing that this service has checked: a text may even have half a surrogate pair.
    return Subject(
        order_id if isinstance(order_id, str) and re.fullmatch(ID, order_id) else "",
        customer_id if isinstance(customer_id, str) else None,
    )
