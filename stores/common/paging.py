"""Keyset pagination. A cursor contains the last key of its page, and the name of the list that it belongs to."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Row, Select, and_, or_, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeDecorator

from domain.common.errors import MalformedCursor
from domain.common.paging import Page
from stores.common.database import MYSQL

Item = TypeVar("Item")

_TOO_LARGE = 2**31


@dataclass(frozen=True)
class Keyset:
    """The columns that order a list, or a part of it. Together they are unique, and none of them is null."""

    name: str
    columns: tuple[Column[Any], ...]
    descending: bool = False
    part: ColumnElement[bool] | None = None
    """The condition for the rows of this part. `None`: all rows."""

    def page(self, statement: Select[*tuple[Any, ...]], *, limit: int, cursor: str | None, dialect: str) -> Any:
        """Return the statement for the page after the cursor, with one extra row that tells whether more follow.

        Raises:
            MalformedCursor: the cursor does not belong to this list.
        """
        if self.part is not None:
            statement = statement.where(self.part)
        if cursor is not None:
            statement = statement.where(self._after(self._decode(cursor), dialect))
        ordering = [column.desc() if self.descending else column.asc() for column in self.columns]
        return statement.order_by(*ordering).limit(limit + 1)

    def cut(self, rows: Sequence[Row[*tuple[Any, ...]]], limit: int, made: Callable[[Any], Item]) -> Page[Item]:
        """Make the page from the rows that the statement of `page` has returned."""
        shown = rows[:limit]
        more = len(rows) > limit
        return Page([made(row) for row in shown], self.cursor_after(shown[-1]) if more and shown else None)

    def owns(self, cursor: str) -> bool:
        """Return whether the cursor belongs to this list, or to this part of it."""
        try:
            self._decode(cursor)
        except MalformedCursor:
            return False
        return True

    def _after(self, key: tuple[Any, ...], dialect: str) -> ColumnElement[bool]:
        if dialect != MYSQL:
            columns, values = tuple_(*self.columns), tuple_(*key, types=[column.type for column in self.columns])
            return columns < values if self.descending else columns > values
        # MySQL does not use an index for row comparisons, only for the equivalent comparisons of columns.
        steps = []
        for index, (column, value) in enumerate(zip(self.columns, key, strict=True)):
            same = [earlier == key[i] for i, earlier in enumerate(self.columns[:index])]
            steps.append(and_(*same, column < value if self.descending else column > value))
        return or_(*steps)

    @property
    def _tag(self) -> str:
        return f"-{self.name}" if self.descending else self.name

    def cursor_after(self, row: Row[*tuple[Any, ...]]) -> str:
        """Return the cursor of the page that begins after the row."""
        key = [getattr(row, column.name) for column in self.columns]
        plain = [value.isoformat() if isinstance(value, date) else value for value in key]
        text = json.dumps([self._tag, *plain], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def _decode(self, cursor: str) -> tuple[Any, ...]:
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            tag, *plain = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            if tag != self._tag:
                raise ValueError("a cursor of another list")
            return tuple(_key(column, value) for column, value in zip(self.columns, plain, strict=True))
        except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
            raise MalformedCursor("the cursor does not belong to this list") from None


async def page_of_parts(
    connection: AsyncConnection,
    statement: Select[*tuple[Any, ...]],
    parts: Sequence[Keyset],
    *,
    limit: int,
    cursor: str | None,
    dialect: str,
    made: Callable[[Any], Item],
) -> Page[Item]:
    """Return a page of a list whose parts follow one another, each in its own order.

    Raises:
        MalformedCursor: the cursor belongs to none of the parts.
    """
    while cursor is not None and len(parts) > 1 and not parts[0].owns(cursor):
        parts = parts[1:]
    found: list[tuple[Keyset, Row[*tuple[Any, ...]]]] = []
    for part in parts:
        page = part.page(statement, limit=limit - len(found), cursor=cursor, dialect=dialect)
        found += [(part, row) for row in (await connection.execute(page)).all()]
        if len(found) > limit:
            break
        cursor = None
    shown = [made(row) for _, row in found[:limit]]
    if len(found) <= limit:
        return Page(shown)
    last_part, last_row = found[limit - 1]
    return Page(shown, last_part.cursor_after(last_row))


def _key(column: Column[Any], value: Any) -> Any:
    """Convert a value of a cursor to the column's type. Raises an error if the column cannot be compared with it."""
    type_ = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    kind = type_.python_type
    if kind is datetime:
        return datetime.fromisoformat(value).astimezone(UTC)
    if kind is date:
        return date.fromisoformat(value)
    if type(value) is not kind:
        raise TypeError("a key of another type")
    if kind is int and abs(value) >= _TOO_LARGE:
        raise ValueError("a number too large for any column")
    if kind is str and ("\0" in value or not value.encode()):
        raise ValueError("a text that no column can hold")
    return value
