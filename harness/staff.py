"""Engineers, so many that every order finds a window."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from domain import contexts
from settings import Settings
from stores.database import Database
from stores.staffing import Staffing

REGION = "KR-11"
"""Of the address that the bench's and the drills' orders are for."""
ENGINEERS = 500
"""Of a region, those included that the service begins with."""


async def hire(database: Database, region: str = REGION, engineers: int = ENGINEERS) -> Sequence[str]:
    """Have as many engineers in a region as there should be. Returns the ids of all."""
    staffing = Staffing(database)
    known = (await staffing.engineers(regions=[region], limit=engineers)).items
    names = [f"Engineer {number}" for number in range(len(known), engineers)]
    new = await asyncio.gather(*(staffing.create_engineer(name=name, region=region) for name in names))
    return [engineer.engineer_id for engineer in (*known, *new)]


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """The management centre's database, in this process."""
    database = Database(settings.database_url(contexts.MANAGEMENT_CENTER), deadline_seconds=60)
    try:
        yield database
    finally:
        await database.dispose()
