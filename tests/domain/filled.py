"""Values in which no field has its default, and no two fields are equal."""

from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import count
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Made = TypeVar("Made")

_BEGIN = datetime(2026, 7, 15, 12, tzinfo=UTC)


def filled(cls: type[Made]) -> Made:
    """Return a value of a dataclass whose fields have defaults. New fields are filled, too."""
    made: Made = _filled(cls, count(1))
    return made


def default(field: Field[Any]) -> Any:
    """Return the default of a field."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def _filled(kind: Any, numbers: "count[int]", name: str = "", by_default: Any = None) -> Any:
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        members = {
            field.name: _filled(hints[field.name], numbers, field.name, default(field)) for field in fields(kind)
        }
        made: Any = kind
        return made(**members)
    arguments = [argument for argument in get_args(kind) if argument is not NoneType]
    if get_origin(kind) is list:
        return [_filled(arguments[0], numbers, name) for _ in range(2)]
    if arguments:
        return _filled(arguments[0], numbers, name)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(member for member in kind if member != by_default)
    if kind is bool:
        return not by_default
    number = next(numbers)
    simple = {str: f"{name[:7]}{number}", int: number, float: number + 0.5, datetime: _BEGIN + timedelta(hours=number)}
    return simple[kind]
