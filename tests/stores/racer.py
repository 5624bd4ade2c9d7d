"""A process that assigns and closes orders, several at a time: `python -m tests.stores.racer DATABASE_URL`.

It reads commands as lines of JSON, `["assign", [order ids]]` or `["close", [order ids]]`, and answers each with a line.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta

from domain.management_center.assignments import AssignEngineer, CloseAssignment
from domain.visits import BookingRules
from stores.common.database import Database
from stores.management_center.assignments import ManagementCenterStore
from tests.eventually import PATIENCE

MIDNIGHT = datetime(2026, 7, 12, 15, tzinfo=UTC)
"""A Monday in Seoul."""
RULES = BookingRules(lead=timedelta(0), horizon=timedelta(days=2))
ADDRESS = "Seoul"
_AT_A_TIME = 4


def ordered_at(order_id: str) -> datetime:
    """Return when an order was placed. The ids are numbers."""
    return MIDNIGHT - timedelta(days=1) + timedelta(seconds=int(order_id))


def store_of(database: Database) -> ManagementCenterStore:
    """Return a store whose clock stands still."""
    return ManagementCenterStore(database, RULES, now=lambda: MIDNIGHT)


async def assign(store: ManagementCenterStore, order_id: str, round_: int = 1) -> list[str] | None:
    """Return the engineer and the start of the window, or None if the order has to wait."""
    asked = AssignEngineer(order_id, round_, ADDRESS, "2001", ordered_at=ordered_at(order_id))
    outcome = await store.assign_engineer(asked)
    given = outcome.assignment
    return [given.engineer_id, given.visit.start.isoformat()] if given is not None and given.visit is not None else None


async def _race(url: str) -> None:
    store = store_of(Database(url, deadline_seconds=PATIENCE, pool_size=_AT_A_TIME))
    few = asyncio.Semaphore(_AT_A_TIME)

    async def one(what: str, order_id: str) -> list[str] | None:
        async with few:
            if what == "assign":
                return await assign(store, order_id)
            await store.close_assignment(CloseAssignment(order_id))
            return None

    while line := await asyncio.to_thread(sys.stdin.readline):
        what, orders = json.loads(line)
        answers = await asyncio.gather(*(one(what, order_id) for order_id in orders))
        sys.stdout.write(json.dumps(dict(zip(orders, answers, strict=True))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_race(sys.argv[1]))
