"""Seals: marks on values that were read from payloads which are bound to their reader.

Whoever decrypts a message for a workflow or an activity marks its value. Whoever takes the message looks for the mark.
A value without a mark could come from anybody who reaches Temporal.
"""

from dataclasses import is_dataclass
from typing import Any, TypeVar

T = TypeVar("T")

MALFORMED_MESSAGE = "MalformedMessage"
"""Type of the error with which a message, an input or an activity is refused that has no mark, or cannot be read."""
_MARK = "_sealed"


class _Text(str):
    """Text that can have a mark."""


class _Whole(int):
    """Whole number that can have a mark."""


class _Number(float):
    """Number that can have a mark."""


_MARKABLE: dict[type, Any] = {str: _Text, int: _Whole, float: _Number}


def sealed(value: T) -> T:
    """Mark a value, and return it. A value that cannot have a mark stays without one, such as `None` or a list."""
    marked: T = _MARKABLE[type(value)](value) if type(value) in _MARKABLE else value
    if marked is not value or is_dataclass(marked):
        object.__setattr__(marked, _MARK, True)
    return marked


def is_sealed(value: object) -> bool:
    """Return whether a value has a mark."""
    return getattr(value, _MARK, False) is True


def plain(value: Any) -> Any:
    """Return a text or a number as it was before it was marked. Other values keep their mark, which nobody sees."""
    for plain_type, marked_type in _MARKABLE.items():
        if type(value) is marked_type:
            return plain_type(value)
    return value
