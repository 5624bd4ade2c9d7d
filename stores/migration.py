"""Brings the contexts' tables up to date, each by a history of its own. `python -m stores.migration` does them all."""

import asyncio
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from alembic import command
from sqlalchemy import Connection, MetaData, Table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common import contexts
from domain.common.errors import StoreUnavailable
from runtime.settings import Settings
from stores.audit.tables import AuditTable
from stores.common.database import MYSQL, POSTGRESQL, SQLITE, Database
from stores.common.revisions import alembic_config, version_table
from stores.installation.tables import InstallationTable
from stores.management_center.tables import ManagementCenterTable
from stores.migrations.steps import LOCK_SECONDS
from stores.order_status.tables import OrderStatusTable

METADATA: dict[str, MetaData] = {
    contexts.MANAGEMENT_CENTER: ManagementCenterTable.metadata,
    contexts.INSTALLATION: InstallationTable.metadata,
    contexts.ORDER_STATUS: OrderStatusTable.metadata,
    contexts.AUDIT: AuditTable.metadata,
}
"""The tables of each context that has any."""
DEADLINE_SECONDS = 60.0
_TRIES = 15
_BETWEEN_TRIES = 1.0
_BETWEEN_LOOKS = 0.1
_POSTGRESQL_IN_USE = "55P03"
_MYSQL_IN_USE = 1205
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


async def migrate(context: str, url: str, revision: str = "head") -> None:
    """Bring the tables of a context to their newest revision, or to an earlier one.

    Several processes may do it at the same time, and releases that know earlier revisions may run: what a step has to
    lock is waited for briefly, again and again, since whoever needs the table meanwhile waits behind the step.

    Raises:
        StoreUnavailable: the database does not answer, or others hold what a step has to lock.
    """
    await _patiently(context, url, partial(upgrade, context=context, revision=revision))


async def drop(context: str, url: str) -> None:
    """Remove the tables of a context with all that is in them, as far as they are there.

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
        Path(database.url.database or "").parent.mkdir(parents=True, exist_ok=True)
    # What a revision is written with, `alembic.op`, is one for the whole process.
    async with _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
        try:
            async with database.writing() as connection:
                await _wait_for_turn(connection, database.dialect, context)
                await connection.run_sync(work)
        finally:
            await database.dispose()


async def _wait_for_turn(connection: AsyncConnection, dialect: str, context: str) -> None:
    """Until the connection's end, or the transaction's, nobody else migrates."""
    name = version_table(context)
    if dialect == SQLITE:
        # Begins the one transaction that a writer has here; Alembic would commit each revision in one of its own.
        await connection.execute(text("SELECT 1"))
    elif dialect == POSTGRESQL:
        # Not by a statement that waits: an index that is made concurrently waits for every statement of others.
        ask = text("SELECT pg_try_advisory_lock(hashtext(:name))")
        while not await connection.scalar(ask, {"name": name}):
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
    """Others held for too long what a step has to lock."""
    cause = getattr(error.__cause__, "orig", None)
    return getattr(cause, "sqlstate", None) == _POSTGRESQL_IN_USE or getattr(cause, "args", ())[:1] == (_MYSQL_IN_USE,)


def _drop(connection: Connection, context: str) -> None:
    METADATA[context].drop_all(connection)
    Table(version_table(context), MetaData()).drop(connection, checkfirst=True)


def upgrade(connection: Connection, context: str, revision: str = "head") -> None:
    """Take the steps of a context up to a revision, on a connection whose turn it is."""
    config = alembic_config(context)
    attributes: dict[str, Any] = config.attributes
    attributes["connection"] = connection
    attributes["metadata"] = METADATA[context]
    attributes["version_table"] = version_table(context)
    command.upgrade(config, revision)


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
