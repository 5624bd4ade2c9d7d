"""Types that all collections share: camelCase members, bounded texts, times in UTC."""

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

from domain.common.open_enum import OpenStrEnum
from domain.common.texts import is_hidden

Item = TypeVar("Item")
OpenValue = TypeVar("OpenValue", bound=OpenStrEnum)

PRINTABLE = r"[^\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff]"
"""The pattern of a text's characters in the OpenAPI document. Further hidden characters are refused, too."""
ID = r"^[A-Za-z0-9_-]{1,64}$"
"""The pattern of ids that this service assigns, including those of the seed data."""


class RequestBody(BaseModel):
    """The base of request bodies. Unknown members are ignored. `null`, if allowed, is the same as an absent member."""

    model_config = ConfigDict(alias_generator=to_camel)

    def members_sent(self) -> dict[str, Any]:
        """Return the members that were sent, by their Python names."""
        return {name: value for name, value in self if name in self.model_fields_set}


class ResponseBody(BaseModel):
    """The base of response bodies, which are made from values of the domain."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class Page(ResponseBody, Generic[Item]):
    """A page of a list. `nextCursor` is the cursor of the next page."""

    items: list[Item]
    next_cursor: str | None


def unchanged() -> Any:
    """Return the default of a member that may be absent, which changes nothing, but not `null`."""
    # A factory, because the OpenAPI document would show a plain default as a value that can be sent.
    return Field(default_factory=lambda: None)


def known(value: OpenValue) -> OpenValue:
    """Return a value of a request. Responses may contain values of a newer release, but requests may not.

    Raises:
        ValueError: this release does not know the value.
    """
    if not value.known:
        raise ValueError(f"must be one of {', '.join(type(value))}")
    return value


def _readable(text: str) -> str:
    if not text.isprintable() and any(map(is_hidden, text)):
        raise ValueError("must not contain control characters or invisible characters")
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _number_as_text(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _in_utc(time: datetime) -> datetime:
    return time.astimezone(UTC)


def _text(longest: int) -> Any:
    return Field(min_length=1, max_length=longest, json_schema_extra={"pattern": rf"^{PRINTABLE}*$"})


Text = Annotated[str, _text(200), AfterValidator(_readable)]
"""A short text for people."""
Word = Annotated[str, _text(50), AfterValidator(_readable)]
"""An agreed name."""
Address = Annotated[str, _text(500), AfterValidator(_readable)]
"""A postal address."""
Identifier = Annotated[
    str,
    _text(200),
    AfterValidator(_readable),
    BeforeValidator(_number_as_text),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": 200, "pattern": rf"^{PRINTABLE}*$"},
                {"type": "integer"},
            ]
        }
    ),
]
"""An id from another system, as text or as a whole number."""
Time = Annotated[datetime, PlainSerializer(_in_utc)]
"""A time in UTC, serialized as RFC 3339 ending in `Z`."""
Region = Annotated[str, Field(pattern=r"^KR-[0-9]{2}$", examples=["KR-11"])]
"""ISO 3166-2:KR."""
Id = Annotated[str, Field(pattern=ID)]
"""An id that this service has assigned."""
Limit = Annotated[int, Query(ge=1, le=200, description="The largest number of items")]
Cursor = Annotated[str | None, Query(max_length=1000, description="`nextCursor` of the previous page")]
