"""The revision of a context's tables, and the revision that this release needs."""

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
    """The schema of one context in one database."""

    def __init__(self, context: str, database: Database) -> None:
        self._context = context
        self._database = database
        self._new_enough = False
        self._told: str | None = None

    async def check(self) -> None:
        """Check that the database answers, and that its tables are as new as this release needs.

        Newer tables are fine, because migrations only add.

        Raises:
            StoreUnavailable: the database does not answer, or its tables are too old.
        """
        if self._new_enough:
            await self._database.ping()
            return
        async with self._database.reading() as connection:
            found = await connection.run_sync(_revision, self._context)
        if found in older(self._context):
            self._tell(found or "none")
            raise StoreUnavailable(
                f"the tables are at revision {found or 'none'}, and {newest(self._context)} is needed"
            )
        self._new_enough = True

    def _tell(self, found: str) -> None:
        """Log the old revision once, not with every probe."""
        if found != self._told:
            needed = newest(self._context)
            _log.warning("the tables are older than needed", context=self._context, revision=found, needed=needed)
            self._told = found


def alembic_config(context: str) -> Config:
    """Return the Alembic configuration for the revisions of a context."""
    config = Config()
    revisions = str(_REVISIONS).replace("%", "%%")
    config.set_main_option("script_location", revisions)
    config.set_main_option("version_locations", f"{revisions}/{context.replace('-', '_')}")
    config.set_main_option("path_separator", "newline")
    return config


def version_table(context: str) -> str:
    """Return the name of a context's version table. Contexts that share a database have separate ones."""
    return f"{context.replace('-', '_')}_revision"


@cache
def history(context: str) -> tuple[str, ...]:
    """Return the revisions that this release knows, the newest last."""
    revisions = ScriptDirectory.from_config(alembic_config(context)).walk_revisions()
    return tuple(revision.revision for revision in revisions)[::-1]


def newest(context: str) -> str:
    """Return the revision that this release needs."""
    return history(context)[-1]


def older(context: str) -> frozenset[str | None]:
    """Return the revisions that are too old for this release. `None`: the database was never migrated."""
    return frozenset({None, *history(context)[:-1]})


def _revision(connection: Connection, context: str) -> str | None:
    options = {"version_table": version_table(context)}
    return MigrationContext.configure(connection, opts=options).get_current_revision()
