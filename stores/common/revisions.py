"""The revision of a context's tables, and the revision that this release needs.

Alembic writes the revision. Reading it needs no Alembic, which would take a tenth of the time of a process's start.
"""

from functools import cache
from pathlib import Path

import structlog
from sqlalchemy import Connection, column, inspect, select, table

from domain.common.errors import StoreUnavailable
from stores.common.database import Database

REVISIONS = Path(__file__).parents[1] / "migrations"
"""The folder with a folder of revisions for each context."""

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
            found = await connection.run_sync(revision_in, self._context)
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


def version_table(context: str) -> str:
    """Return the name of a context's version table. Contexts that share a database have separate ones."""
    return f"{context.replace('-', '_')}_revision"


@cache
def history(context: str) -> tuple[str, ...]:
    """Return the revisions that this release knows, the newest last. Their files are named `rREVISION_WHAT.py`."""
    files = (REVISIONS / context.replace("-", "_")).glob("r*.py")
    return tuple(sorted(file.name.removeprefix("r").partition("_")[0] for file in files))


def newest(context: str) -> str:
    """Return the revision that this release needs."""
    return history(context)[-1]


def older(context: str) -> frozenset[str | None]:
    """Return the revisions that are too old for this release. `None`: the database was never migrated."""
    return frozenset({None, *history(context)[:-1]})


def revision_in(connection: Connection, context: str) -> str | None:
    """Return the revision of a context's tables in a database. `None`: it was never migrated."""
    name = version_table(context)
    if not inspect(connection).has_table(name):
        return None
    found: str | None = connection.scalar(select(column("version_num")).select_from(table(name)))
    return found
