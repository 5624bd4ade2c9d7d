"""Personal data: marks fields of dataclasses, and gives the values that an erasure writes into them."""

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any

PERSONAL: Mapping[str, bool] = MappingProxyType({"personal": True})
"""Metadata of a field that contains a customer's identity, address, or statements about them."""


def erased(cls: type[Any]) -> dict[str, Any]:
    """Return the personal fields of a dataclass by name, with their defaults, which an erasure writes."""
    return {each.name: each.default for each in fields(cls) if each.metadata.get("personal")}


def personal_fields(cls: type[Any]) -> frozenset[str]:
    """Return the names of the personal fields of a dataclass."""
    return frozenset(erased(cls))
