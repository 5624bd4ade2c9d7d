"""Number events anew after databases were restored, before anything else starts: `python -m ops.renumber_events`.

Whoever reads events keeps the last number that was seen. A restored database has not given the newest numbers yet, and
would give them to other events. `ops.backup restore` and `deploy/restore.sh` do this themselves.
"""

import argparse
import asyncio
import sys

from sqlalchemy import inspect

from domain.common import contexts
from domain.common.errors import StoreUnavailable
from runtime.settings import Settings
from stores.common.database import Database
from stores.common.dumps import is_empty
from stores.event_delivery.log import EventLog
from stores.event_delivery.tables import EVENT
from stores.migration import DEADLINE_SECONDS
from stores.order_status.outbox import OutboxStore
from stores.order_status.tables import ORDER_EVENT

_NUMBERED = {ORDER_EVENT.name: (contexts.ORDER_STATUS, OutboxStore), EVENT.name: (contexts.EVENT_DELIVERY, EventLog)}
"""Tables with events: their contexts, and their stores."""


async def renumber(settings: Settings) -> None:
    """Give events from now on, and those that wait in an outbox, numbers above all that were given before a restore.

    A reader that has seen events after the backup would otherwise pass over others that get their numbers.

    Raises:
        StoreUnavailable: a database does not answer.
    """
    for table, (context, store) in _NUMBERED.items():
        url = settings.database_url(context)
        if await is_empty(url, [table]):
            continue
        database = Database(url, name=context, deadline_seconds=DEADLINE_SECONDS)
        try:
            # A backup of a release before has no such table. The migration that makes it begins with the time, too.
            if await _has(database, table):
                await store(database).renumber()
        finally:
            await database.dispose()


async def _has(database: Database, table: str) -> bool:
    async with database.reading() as connection:
        return await connection.run_sync(lambda connection: inspect(connection).has_table(table))


def main() -> int:
    """Number events anew. Returns the exit status."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    try:
        asyncio.run(renumber(Settings()))
    except StoreUnavailable as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
