"""Offers: the visit windows that can be booked for an address."""

from dataclasses import dataclass, field

from domain.management_center.addresses import Placement
from domain.management_center.staff import Slot


@dataclass(frozen=True)
class Offer:
    """Where an address belongs, and the free windows there."""

    placement: Placement
    slots: list[Slot] = field(default_factory=list)
    """In order. Empty without a region."""
