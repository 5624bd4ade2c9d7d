"""Add the products with which `make run` starts: `python -m ops.first_products`, for a `DATA_DIR` that it has made."""

import asyncio
import os
import sys
from contextlib import suppress

from domain.common import contexts
from domain.common.errors import AlreadyExists, StoreUnavailable
from runtime.settings import Settings
from stores.common.database import Database
from stores.management_center.products import Products
from supervisor.data_dir import no_longer_new
from supervisor.service import needs_first_products

_NAMES = {"2001": ("Internet", "인터넷"), "2002": ("IPTV", "IPTV")}
"""By product id: the name and the local name."""
_DEADLINE_SECONDS = 60.0


async def add(database: Database) -> None:
    """Add the products that are missing.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    products = Products(database)
    for product_id, (name, local_name) in _NAMES.items():
        with suppress(AlreadyExists):
            await products.create_product(product_id, name=name, local_name=local_name)


async def _add_if_new(settings: Settings) -> int:
    """Return the exit status: `EX_TEMPFAIL` if the database does not answer."""
    if not needs_first_products(settings):
        return os.EX_OK
    database = Database(settings.database_url(contexts.MANAGEMENT_CENTER), deadline_seconds=_DEADLINE_SECONDS)
    try:
        await add(database)
    except StoreUnavailable as error:
        sys.stderr.write(f"{contexts.MANAGEMENT_CENTER}: {error}\n")
        return os.EX_TEMPFAIL
    finally:
        await database.dispose()
    no_longer_new(settings.data_dir)
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(asyncio.run(_add_if_new(Settings())))
