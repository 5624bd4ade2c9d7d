"""Column types that hold the same on SQLite, PostgreSQL, MySQL and MariaDB."""

from typing import Any, cast

from pydantic import TypeAdapter
from sqlalchemy import Dialect, Table, Text, inspect
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import UTCDateTime

OURS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
"""What every table is made with: on MySQL, too, text is any Unicode, and equal only where it is the same."""
SHORT = 200
"""Characters of an id, a name, a reason's code."""
ADDRESS = 500
"""Characters of an address."""


class UtcDateTime(UTCDateTime):
    """A point in time, given and taken in UTC, to the microsecond."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """MySQL keeps whole seconds unless it is told."""
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return super().load_dialect_impl(dialect)


class AsJson(TypeDecorator[Any]):
    """A value of some type, as JSON text of any length; a member added to the type later has to have a default."""

    impl = Text
    cache_ok = True

    def __init__(self, content: Any) -> None:
        super().__init__()
        self.content = content
        self._adapter = TypeAdapter(content)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """MySQL's own text ends at 64 KiB."""
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.MEDIUMTEXT())
        return super().load_dialect_impl(dialect)

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """To JSON; `None` is no value."""
        return None if value is None else self._adapter.dump_json(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """From JSON."""
        return None if value is None else self._adapter.validate_json(value)


def table_of(model: type[SQLModel]) -> Table:
    """The table of a model, for statements that pass the ORM by."""
    return cast(Table, inspect(model).local_table)
