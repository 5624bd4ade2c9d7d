"""Which fields of a dataclass are personal data, and what an erasure leaves of them."""

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any

PERSONAL: Mapping[str, bool] = MappingProxyType({"personal": True})
"""Metadata of a field that tells who a customer is, where they live, or what was said of them."""


def erased(cls: type[Any]) -> dict[str, Any]:
    """The personal fields of a dataclass by name, each with its default: the values that an erasure writes."""
    return {each.name: each.default for each in fields(cls) if each.metadata.get("personal")}
