"""Engineers for the bench: so many that every order finds a window."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from domain import contexts
from settings import Settings
from stores.database import Database
from stores.management_center import ManagementCenterStore

REGION = "KR-11"
"""Of the address that the bench's orders are for."""
ENGINEERS = 500
"""Of the region, those included that the service begins with."""


async def hire(settings: Settings) -> None:
    """Have as many engineers in the region as there should be."""
    async with opened(settings) as store:
        known = len((await store.engineers(region=REGION)).items)
        names = [f"Engineer {number}" for number in range(known, ENGINEERS)]
        await asyncio.gather(*(store.create_engineer(name=name, region=REGION) for name in names))


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[ManagementCenterStore]:
    """The management centre's store, in the process of the bench."""
    database = Database(settings.database_url(contexts.MANAGEMENT_CENTER), deadline_seconds=60)
    try:
        yield ManagementCenterStore(database, settings.booking_rules)
    finally:
        await database.dispose()
