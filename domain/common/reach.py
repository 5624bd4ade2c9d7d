"""Reach: which orders somebody may see. Lists, streams, single reads and repeated requests all follow it."""

from dataclasses import dataclass
from typing import Protocol


class Owned(Protocol):
    """An order, which belongs to a customer, an engineer and a region."""

    order_id: str
    customer_id: str
    engineer_id: str | None
    region: str | None


@dataclass(frozen=True)
class Reach:
    """The limits within which somebody sees orders. `None` does not limit."""

    customer_id: str | None = None
    engineer_id: str | None = None
    regions: frozenset[str] | None = None
    order_id: str | None = None

    @property
    def limited(self) -> bool:
        """Whether there are orders outside."""
        return self != EVERYTHING

    def includes(self, order: Owned) -> bool:
        """Return whether an order is within all limits."""
        return (
            self.customer_id in (None, order.customer_id)
            and self.engineer_id in (None, order.engineer_id)
            and (self.regions is None or order.region in self.regions)
            and self.order_id in (None, order.order_id)
        )


EVERYTHING = Reach()
