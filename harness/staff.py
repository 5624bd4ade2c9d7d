"""Engineers: enough for every order to find a window."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus

from domain.common import contexts
from harness.http_client import connections
from runtime.settings import Settings
from stores.common.database import Database
from stores.management_center.staff import Staffing

REGION = "KR-11"
"""Region of the address of the orders in bench and drills."""
ENGINEERS = 500
"""Number of engineers in a region, including those with which the service starts."""


async def hire(database: Database, region: str = REGION, engineers: int = ENGINEERS) -> Sequence[str]:
    """Create engineers until a region has the given number. Returns the ids of all of them."""
    staffing = Staffing(database)
    known = (await staffing.engineers(regions=[region], limit=engineers)).items
    names = [f"Engineer {number}" for number in range(len(known), engineers)]
    new = await asyncio.gather(*(staffing.create_engineer(name=name, region=region) for name in names))
    return [engineer.engineer_id for engineer in (*known, *new)]


async def hire_over_http(address: tuple[str, int], region: str = REGION, engineers: int = ENGINEERS) -> None:
    """Create additional engineers in a region over HTTP, in a service of any release.

    Raises:
        TimeoutError, ConnectionError: there is no answer.
        RuntimeError: an engineer could not be created.
    """
    async with connections(address, 1) as [connection]:
        for number in range(engineers):
            body = json.dumps({"name": f"Engineer {number}", "region": region}).encode()
            answer = await connection.answered("POST", "/managementCenters/engineers", body)
            if answer.status != HTTPStatus.CREATED:
                raise RuntimeError(f"an engineer was not hired: {answer.status} {answer.body.decode()}")


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """Open the management center's database in this process."""
    database = Database(settings.database_url(contexts.MANAGEMENT_CENTER), deadline_seconds=60)
    try:
        yield database
    finally:
        await database.dispose()
