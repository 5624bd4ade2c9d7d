"""Enumerations whose values cross releases: through a store, a message or a workflow's history."""

from enum import StrEnum
from typing import Self


class OpenStrEnum(StrEnum):
    """An enumeration to which a newer release may have added members.

    During a roll-out an older process reads what a newer one has written. A text that names no member becomes a value
    of the enumeration with that text, instead of a `ValueError`: it equals no member, is not among the members, and is
    written as it was read. Whatever reads such values (the stores, Temporal's converter, pydantic) constructs them by
    `Enumeration(text)`, so all of them pass unknown texts through.

    Use a plain `StrEnum` for what a person sends, where an unknown text is refused, and for an instruction: a process
    that does not know it must fail and leave it to one that does.
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
