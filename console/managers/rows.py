"""Orders as rows of a list."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from console import labels
from console.managers.explanations import HELP


@dataclass(frozen=True)
class Attention:
    """Why a person should look at an order, and who does."""

    reason: str
    since: str
    detail: str | None
    acknowledged_by: str | None
    acknowledged_at: str | None

    @property
    def help(self) -> str | None:
        """What a person can do, as a text marked for translation."""
        return HELP.get(self.reason)

    @classmethod
    def of(cls, attention: Mapping[str, Any] | None) -> Self | None:
        """Make it from an answer of the API."""
        if attention is None:
            return None
        return cls(
            attention["reason"],
            attention["since"],
            attention["detail"],
            attention["acknowledgedBy"],
            attention["acknowledgedAt"],
        )


@dataclass(frozen=True)
class Row:
    """One order of a list."""

    order_id: str
    status: str
    customer_name: str | None
    contact_phone: str | None
    address: str
    product_name: str
    region: str | None
    engineer_name: str | None
    visit: Mapping[str, Any] | None
    attention: Attention | None
    order_date: str
    updated_at: str
    version: int
    here: bool = True
    """Whether the order still belongs to the list."""
    fresh: bool = False
    """Whether the order belongs to the list and may be missing in it, because it was made before."""

    @property
    def tone(self) -> str:
        """Color of the status."""
        return labels.TONE.get(self.status, "plain")

    @classmethod
    def of(cls, order: Mapping[str, Any], *, here: bool = True, fresh: bool = False) -> Self:
        """Make a row from an order of the read model."""
        return cls(
            order["orderId"],
            order["status"],
            order["customerName"],
            order["contactPhone"],
            order["installationAddress"],
            order["productName"],
            order["region"],
            order["engineerName"],
            order["visit"],
            Attention.of(order["attention"]),
            order["orderDate"],
            order["updatedAt"],
            order["version"],
            here,
            fresh,
        )
