"""Enumerations whose values cross releases: through a store, a message or a workflow's history."""

from enum import StrEnum
from typing import Self


class OpenStrEnum(StrEnum):
    """Enumeration that accepts values which only a newer release knows.

    During a roll-out, an older process reads what a newer one has written. A text that names no member becomes a value
    of the enumeration with that text, instead of raising `ValueError`. Such a value equals no member, is not among the
    members, and is written as it was read. Every reader (the stores, Temporal's converter, pydantic) constructs values
    by `Enumeration(text)`, so all of them pass unknown texts through.

    Use a plain `StrEnum` for input from clients, where an unknown text is refused, and for instructions: a process
    that does not know an instruction must fail, so that a newer process carries it out.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_ = unknown._value_ = str(value)
        return unknown

    @property
    def known(self) -> bool:
        """Whether this release knows the value."""
        return type(self).__members__.get(self.name) is self
