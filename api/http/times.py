"""Times and dates in requests: in a strict format, and within the years that can be computed with."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema
from starlette.exceptions import HTTPException

from domain.common.times import UNSET
from domain.visits import VisitGrid

_LATEST = datetime(9000, 1, 1, tzinfo=UTC)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE = re.compile(rf"[0-9]{{8}}|{_DAY.pattern}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})")
_TIME_OF_DAY = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_UNQUOTED_PLUS = re.compile(r" (?=[0-9]{2}:[0-9]{2}$)")
_NO_DAY = "must be a date, YYYY-MM-DD"
_NO_DATE = "must be a date, YYYYMMDD or YYYY-MM-DD"
_NO_TIME = "must be an RFC 3339 time with an offset"


def _as_date(value: Any) -> date:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError(_NO_DATE)
    return date.fromisoformat(value)


def _as_day(value: Any) -> date:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError(_NO_DAY)
    day = date.fromisoformat(value)
    if not UNSET.date() <= day < _LATEST.date():
        raise ValueError("must not be too far in the past or the future")
    return day


def as_time(value: Any) -> datetime:
    """Return the point in time that a text in a request names.

    Raises:
        ValueError: it is no text in the format of RFC 3339, or too far away.
    """
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError(_NO_TIME)
    try:
        given = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError(_NO_TIME) from None
    if not UNSET <= given < _LATEST:
        raise ValueError("must not be too far in the past or the future")
    return given


def _as_time_in_query(value: Any) -> datetime:
    # In a query, a `+` is decoded as a space.
    return as_time(_UNQUOTED_PLUS.sub("+", value) if isinstance(value, str) else value)


def _as_moment(value: Any) -> date | datetime:
    return _as_day(value) if isinstance(value, str) and _DAY.fullmatch(value) else _as_time_in_query(value)


def _as_time_of_day(value: Any) -> time:
    if not isinstance(value, str) or not re.fullmatch(_TIME_OF_DAY, value):
        raise ValueError("must be a time of day, HH:MM")
    return time.fromisoformat(value)


def _hours_and_minutes(value: time) -> str:
    return f"{value:%H:%M}"


def beginning_of(moment: date, grid: VisitGrid) -> datetime:
    """Return the point in time, or the beginning of the day, at which a span begins."""
    return moment if isinstance(moment, datetime) else grid.span_of(moment)[0]


def span_between(start: date | None, end: date | None, grid: VisitGrid) -> tuple[datetime | None, datetime | None]:
    """Return the points in time at which a span begins, and before which it ends. None: it is open there.

    A day at the end is included in the span, a point in time is not.

    Raises:
        ValueError: `from` is after `to`.
    """
    begins = None if start is None else beginning_of(start, grid)
    ends = end if end is None or isinstance(end, datetime) else grid.span_of(end)[1]
    # A point in time may be both the beginning and the end: nothing is between.
    if begins and ends and (begins > ends or (begins == ends and not isinstance(end, datetime))):
        raise ValueError("`from` must not be after `to`")
    return begins, ends


@contextmanager
def of_query() -> Iterator[None]:
    """Answer a `ValueError` about parameters with `400`."""
    try:
        yield
    except ValueError as error:
        raise HTTPException(400, str(error)) from None


GivenDate = Annotated[
    date,
    BeforeValidator(_as_date),
    WithJsonSchema({"type": "string", "pattern": "^([0-9]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2})$"}),
]
"""A date that is only stored."""
Day = Annotated[date, BeforeValidator(_as_day), WithJsonSchema({"type": "string", "format": "date"})]
"""A local day."""
GivenTime = Annotated[datetime, BeforeValidator(as_time), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A point in time with an offset."""
TimeInQuery = Annotated[
    datetime, BeforeValidator(_as_time_in_query), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""The same in a query."""
Moment = Annotated[
    date | datetime,
    PlainValidator(_as_moment),
    WithJsonSchema({"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]}),
]
"""A point in time, or a local day, which is included at either end of a span."""
TimeOfDay = Annotated[
    time, PlainSerializer(_hours_and_minutes), WithJsonSchema({"type": "string", "pattern": f"^{_TIME_OF_DAY}$"})
]
"""Local time, to the minute."""
GivenTimeOfDay = Annotated[TimeOfDay, BeforeValidator(_as_time_of_day)]
"""A time of day in a request."""
