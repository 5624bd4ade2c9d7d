"""Column types that store the same values on SQLite, PostgreSQL, MySQL and MariaDB."""

from typing import Any, cast

from pydantic import TypeAdapter
from sqlalchemy import Dialect, Table, Text, inspect
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import UTCDateTime

OURS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
"""Options of every table. On MySQL, they allow any Unicode text, and make only identical texts equal."""
_KEPT = "kept"
KEPT = {**OURS, "info": {_KEPT: True}}
"""Options of a table that nothing can make again. It stays when the tables of its context are made anew."""
SHORT = 200
"""Characters of an id, a name, or the code of a reason."""
ADDRESS = 500
"""Characters of an address."""


class UtcDateTime(UTCDateTime):
    """A point in time in UTC, to the microsecond."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type. MySQL would store whole seconds by default."""
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return super().load_dialect_impl(dialect)


class AsJson(TypeDecorator[Any]):
    """A value of a given type, as JSON text of any length. Members added to the type later need a default."""

    impl = Text
    cache_ok = True

    def __init__(self, content: Any) -> None:
        super().__init__()
        self.content = content
        self._adapter = TypeAdapter(content)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type. MySQL's TEXT holds 64 KiB at most."""
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.MEDIUMTEXT())
        return super().load_dialect_impl(dialect)

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Convert a value to JSON. `None` becomes NULL."""
        return None if value is None else self._adapter.dump_json(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """Convert JSON to a value. NULL becomes `None`."""
        return None if value is None else self._adapter.validate_json(value)


def is_kept(table: Table) -> bool:
    """Return whether a table stays when the tables of its context are made anew."""
    return _KEPT in table.info


def table_of(model: type[SQLModel]) -> Table:
    """Return the table of a model, for statements that do not use the ORM."""
    return cast(Table, inspect(model).local_table)
