"""Brings the contexts' tables up to date, each by a history of its own. `python -m stores.migration` does them all."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import contexts
from domain.errors import StoreUnavailable
from settings import Settings
from stores.database import MYSQL, POSTGRESQL, SQLITE, Database
from stores.tables.installation import InstallationTable
from stores.tables.management_center import ManagementCenterTable
from stores.tables.order_status import OrderStatusTable

METADATA: dict[str, MetaData] = {
    contexts.MANAGEMENT_CENTER: ManagementCenterTable.metadata,
    contexts.INSTALLATION: InstallationTable.metadata,
    contexts.ORDER_STATUS: OrderStatusTable.metadata,
}
"""The tables of each context that has any."""
DEADLINE_SECONDS = 60.0
_REVISIONS = Path(__file__).with_name("migrations")
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


async def migrate(context: str, url: str) -> None:
    """Bring the tables of a context to their newest revision. Several processes may do it at the same time.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    database = Database(url, deadline_seconds=DEADLINE_SECONDS)
    if database.dialect == SQLITE:
        Path(database.url.database or "").parent.mkdir(parents=True, exist_ok=True)
    # What a revision is written with, `alembic.op`, is one for the whole process.
    async with _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
        try:
            async with database.writing() as connection:
                await _wait_for_turn(connection, database.dialect, context)
                await connection.run_sync(_upgrade, context)
        finally:
            await database.dispose()


def version_table(context: str) -> str:
    """Where a context's revision is written down; contexts that share a database do not share it."""
    return f"{context.replace('-', '_')}_revision"


async def _wait_for_turn(connection: AsyncConnection, dialect: str, context: str) -> None:
    """Until the connection's end, or the transaction's, nobody else migrates."""
    name = version_table(context)
    if dialect == SQLITE:
        # Begins the one transaction that a writer has here; Alembic would commit each revision in one of its own.
        await connection.execute(text("SELECT 1"))
    elif dialect == POSTGRESQL:
        await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})
    elif dialect == MYSQL:
        lock = text("SELECT GET_LOCK(SHA1(CONCAT(DATABASE(), '.', :name)), :seconds)")
        await connection.execute(lock, {"name": name, "seconds": DEADLINE_SECONDS})


def _upgrade(connection: Connection, context: str) -> None:
    config = Config()
    revisions = str(_REVISIONS).replace("%", "%%")
    config.set_main_option("script_location", revisions)
    config.set_main_option("version_locations", f"{revisions}/{context.replace('-', '_')}")
    config.set_main_option("path_separator", "newline")
    attributes: dict[str, Any] = config.attributes
    attributes["connection"] = connection
    attributes["metadata"] = METADATA[context]
    attributes["version_table"] = version_table(context)
    command.upgrade(config, "head")


async def _migrate_all(settings: Settings) -> int:
    """Returns the exit status: `EX_TEMPFAIL` where only databases that do not answer are left."""
    status = os.EX_OK
    for context in METADATA:
        try:
            await migrate(context, settings.database_url(context))
        except StoreUnavailable as error:
            sys.stderr.write(f"{context}: {error}\n")
            status = os.EX_TEMPFAIL
        except ValueError as error:
            sys.exit(f"{context}: {error}")
    return status


if __name__ == "__main__":
    sys.exit(asyncio.run(_migrate_all(Settings())))
