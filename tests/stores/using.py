"""Uses of a database for the tests of `Database`, and a database that does not answer."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from domain.common.errors import StoreUnavailable
from stores.common.database import Database
from stores.installation.tables import INSTALLATION, INSTALLATION_ORDER
from tests.databases import SQLITE, Servers
from tests.eventually import soon

PRIVATE = "서울특별시 강남구 테헤란로 1"


def new(order_id: str) -> Any:
    return insert(INSTALLATION_ORDER).values(order_id=order_id, newest_round=0, canceled=False)


def one_more(order_id: str) -> Any:
    return (
        INSTALLATION_ORDER.update()
        .where(INSTALLATION_ORDER.c.order_id == order_id)
        .values(newest_round=INSTALLATION_ORDER.c.newest_round + 1)
    )


def private(order_id: str, at: datetime) -> Any:
    named = {"order_id": order_id, "round": 1, "installation_address": PRIVATE, "product_name": "internet"}
    return insert(INSTALLATION).values(**named, status="REQUESTED", requested_at=at, status_at=at)


async def write(database: Database, *statements: Any) -> None:
    async with database.writing() as connection:
        for statement in statements:
            await connection.execute(statement)


async def stored(database: Database) -> list[str]:
    async with database.reading() as connection:
        return list(await connection.scalars(select(INSTALLATION_ORDER.c.order_id).order_by("order_id")))


@contextmanager
def deaf(kind: str, url: str, servers: Servers) -> Iterator[None]:
    """Block every writer of the database during the block."""
    if kind != SQLITE:
        with servers[kind].hung():
            yield
        return
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


async def warmed_up(database: Database, *, connections: int = 1) -> None:
    """Wait until the database has connections. On a busy machine, connecting may take longer than the deadline."""

    async def connected() -> bool:
        try:
            await asyncio.gather(*(database.ping() for _ in range(connections)))
        except StoreUnavailable:
            return False
        return True

    await soon(connected, what="the database answers")


async def works_again(database: Database, order_id: str) -> None:
    """Wait until a row was written and can be read."""

    async def works() -> bool:
        try:
            await database.ping()
            await write(database, new(order_id))
        except StoreUnavailable:
            return False
        except IntegrityError:
            # An earlier try was committed, and its answer came too late.
            pass
        return True

    await soon(works, what="the database works again")
