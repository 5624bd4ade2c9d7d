"""Migrates the tables of each context by its own history. `python -m stores.migration` migrates all contexts."""

import asyncio
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, Table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common import contexts
from domain.common.errors import StoreUnavailable
from runtime.settings import Settings
from stores.audit.grants import grant
from stores.audit.tables import AuditTable
from stores.common.columns import is_kept
from stores.common.database import MYSQL, POSTGRESQL, SQLITE, Database
from stores.common.revisions import REVISIONS, history, revision_in, version_table
from stores.event_delivery.tables import EventDeliveryTable
from stores.installation.tables import InstallationTable
from stores.management_center.tables import ManagementCenterTable
from stores.migrations.steps import LOCK_SECONDS
from stores.order_status.tables import OrderStatusTable

METADATA: dict[str, MetaData] = {
    contexts.MANAGEMENT_CENTER: ManagementCenterTable.metadata,
    contexts.INSTALLATION: InstallationTable.metadata,
    contexts.EVENT_DELIVERY: EventDeliveryTable.metadata,
    contexts.ORDER_STATUS: OrderStatusTable.metadata,
    contexts.AUDIT: AuditTable.metadata,
}
"""The tables of each context that has a store."""
DEADLINE_SECONDS = 60.0
_TRIES = 15
_BETWEEN_TRIES = 1.0
_BETWEEN_LOOKS = 0.1
_POSTGRESQL_IN_USE = "55P03"
_MYSQL_IN_USE = 1205
_log = structlog.get_logger(__name__)
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


async def migrate(context: str, url: str, revision: str = "head") -> None:
    """Migrate the tables of a context to their newest revision, or to an earlier one.

    Tables that a newer release has migrated stay as they are: migrations only add, so this release can use them.
    Several processes may migrate at the same time, and releases that know earlier revisions may be running. A step
    waits for its locks only briefly, and tries again, because other statements on the table wait behind it.

    Raises:
        StoreUnavailable: the database does not answer, or other transactions hold the locks that a step needs.
    """
    await _patiently(context, url, partial(upgrade, context=context, revision=revision))


async def grant_audit(url: str, retention: float) -> None:
    """Give the API's role its rights in the migrated database of the audit; see `stores.audit.grants`.

    Raises:
        StoreUnavailable: as `migrate`.
    """
    await _patiently(contexts.AUDIT, url, partial(grant, retention=retention))


async def drop(context: str, url: str) -> None:
    """Drop the tables of a context, with their rows, as far as they exist. Tables that nothing can make again stay.

    Raises:
        StoreUnavailable: as `migrate`.
    """
    await _patiently(context, url, partial(_drop, context=context))


async def _patiently(context: str, url: str, work: Callable[[Connection], None]) -> None:
    for tries_left in reversed(range(_TRIES)):
        try:
            await _in_turn(context, url, work)
        except StoreUnavailable as error:
            if not (tries_left and _in_use(error)):
                raise
            await asyncio.sleep(_BETWEEN_TRIES)
        else:
            return


async def _in_turn(context: str, url: str, work: Callable[[Connection], None]) -> None:
    database = Database(url, deadline_seconds=DEADLINE_SECONDS)
    if database.dialect == SQLITE:
        Path(database.url.database or "").parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Revisions use `alembic.op`, which is one object for the whole process.
    async with _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
        try:
            async with database.writing() as connection:
                await _wait_for_turn(connection, database.dialect, context)
                await connection.run_sync(work)
        finally:
            await database.dispose()


async def _wait_for_turn(connection: AsyncConnection, dialect: str, context: str) -> None:
    """Wait for the migration lock. It is held until the connection or the transaction ends."""
    name = version_table(context)
    if dialect == SQLITE:
        # Begin the writer's one transaction here. Otherwise Alembic would commit each revision in its own transaction.
        await connection.execute(text("SELECT 1"))
    elif dialect == POSTGRESQL:
        # A statement must not wait here: CREATE INDEX CONCURRENTLY waits for every statement of other connections.
        try_lock = text("SELECT pg_try_advisory_lock(hashtext(:name))")
        while not await connection.scalar(try_lock, {"name": name}):
            await connection.rollback()
            await asyncio.sleep(_BETWEEN_LOOKS)
        await connection.execute(text(f"SET lock_timeout = '{LOCK_SECONDS}s'"))
        await connection.commit()
    elif dialect == MYSQL:
        lock = text("SELECT GET_LOCK(SHA1(CONCAT(DATABASE(), '.', :name)), :seconds)")
        await connection.execute(lock, {"name": name, "seconds": DEADLINE_SECONDS})
        await connection.execute(text(f"SET SESSION lock_wait_timeout = {LOCK_SECONDS}"))
        await connection.commit()


def _in_use(error: StoreUnavailable) -> bool:
    """Return whether other transactions held the locks of a step for too long."""
    cause = getattr(error.__cause__, "orig", None)
    return getattr(cause, "sqlstate", None) == _POSTGRESQL_IN_USE or getattr(cause, "args", ())[:1] == (_MYSQL_IN_USE,)


def _drop(connection: Connection, context: str) -> None:
    METADATA[context].drop_all(
        connection, tables=[table for table in METADATA[context].sorted_tables if not is_kept(table)]
    )
    Table(version_table(context), MetaData()).drop(connection, checkfirst=True)


def alembic_config(context: str) -> Config:
    """Return the Alembic configuration for the revisions of a context."""
    config = Config()
    revisions = str(REVISIONS).replace("%", "%%")
    config.set_main_option("script_location", revisions)
    config.set_main_option("version_locations", f"{revisions}/{context.replace('-', '_')}")
    config.set_main_option("path_separator", "newline")
    return config


def upgrade(connection: Connection, context: str, revision: str = "head") -> None:
    """Run the steps of a context up to a revision, on a connection that holds the migration lock."""
    begun = connection.in_transaction()
    found = revision_in(connection, context)
    if not begun:
        # Alembic begins a transaction for each revision.
        connection.rollback()
    if found is not None and found not in history(context):
        _log.warning("the tables are of a newer release, and stay as they are", context=context, revision=found)
        return
    config = alembic_config(context)
    attributes: dict[str, Any] = config.attributes
    attributes["connection"] = connection
    attributes["metadata"] = METADATA[context]
    attributes["version_table"] = version_table(context)
    command.upgrade(config, revision)


async def _migrate_all(settings: Settings) -> int:
    """Return the exit status: `EX_TEMPFAIL` if a database does not answer, and nothing else is wrong."""
    status = os.EX_OK
    for context in METADATA:
        try:
            await migrate(context, settings.database_url(context))
            if context == contexts.AUDIT:
                await grant_audit(settings.database_url(context), settings.access_log_retention)
        except StoreUnavailable as error:
            sys.stderr.write(f"{context}: {error}\n")
            status = os.EX_TEMPFAIL
        except ValueError as error:
            sys.exit(f"{context}: {error}")
    return status


if __name__ == "__main__":
    sys.exit(asyncio.run(_migrate_all(Settings())))
