"""Which revision a context's tables are at, and which one this release needs."""

from functools import cache
from pathlib import Path

import structlog
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from domain.common.errors import StoreUnavailable
from stores.common.database import Database

_REVISIONS = Path(__file__).parents[1] / "migrations"

_log = structlog.get_logger(__name__)


class Schema:
    """The tables of one context in one database, as far as this release depends on them."""

    def __init__(self, context: str, database: Database) -> None:
        self._context = context
        self._database = database
        self._new_enough = False
        self._told: str | None = None

    async def check(self) -> None:
        """The database answers, and its tables are as new as this release needs, or newer: migrations only add.

        Raises:
            StoreUnavailable: the one or the other is not so.
        """
        if self._new_enough:
            await self._database.ping()
            return
        async with self._database.reading() as connection:
            found = await connection.run_sync(_revision, self._context)
        if found in older(self._context):
            self._tell(found or "none")
            raise StoreUnavailable(f"the tables' revision is {found or 'none'}, {newest(self._context)} is needed")
        self._new_enough = True

    def _tell(self, found: str) -> None:
        """Once, not with every probe."""
        if found != self._told:
            needed = newest(self._context)
            _log.warning("tables are older than needed", context=self._context, revision=found, needed=needed)
            self._told = found


def alembic_config(context: str) -> Config:
    """Where Alembic finds the revisions of a context."""
    config = Config()
    revisions = str(_REVISIONS).replace("%", "%%")
    config.set_main_option("script_location", revisions)
    config.set_main_option("version_locations", f"{revisions}/{context.replace('-', '_')}")
    config.set_main_option("path_separator", "newline")
    return config


def version_table(context: str) -> str:
    """Where a context's revision is written down; contexts that share a database do not share it."""
    return f"{context.replace('-', '_')}_revision"


@cache
def history(context: str) -> tuple[str, ...]:
    """The revisions that this release knows, the newest last."""
    revisions = ScriptDirectory.from_config(alembic_config(context)).walk_revisions()
    return tuple(revision.revision for revision in revisions)[::-1]


def newest(context: str) -> str:
    """The revision that this release needs."""
    return history(context)[-1]


def older(context: str) -> frozenset[str | None]:
    """What the release cannot work on; `None` is a database that has never been migrated."""
    return frozenset({None, *history(context)[:-1]})


def _revision(connection: Connection, context: str) -> str | None:
    options = {"version_table": version_table(context)}
    return MigrationContext.configure(connection, opts=options).get_current_revision()
