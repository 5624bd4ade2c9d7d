"""Orders in several processes race for windows."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import time
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from domain.common import contexts
from domain.management_center.dispatch import FindDue
from domain.management_center.staff import WorkingHours
from stores.common.database import Database
from stores.management_center.tables import BOOKING, ENGINEER, WAITING
from tests.stores.racer import assign, ordered_at, store_of

ROOT = Path(__file__).parents[2]
PROCESSES, ORDERS, ENGINEERS, WINDOWS, CANCELED = 3, 200, 5, 50, 25


@pytest.fixture
def context() -> str:
    return contexts.MANAGEMENT_CENTER


class Racers:
    """The racing processes."""

    def __init__(self, processes: "list[subprocess.Popen[str]]") -> None:
        self._processes = processes

    def race(self, what: str, orders: list[str]) -> dict[str, list[str] | None]:
        """Send the command for all orders at once, distributed over the processes."""
        for number, process in enumerate(self._processes):
            assert process.stdin is not None
            process.stdin.write(json.dumps([what, orders[number :: len(self._processes)]]) + "\n")
            process.stdin.flush()
        answers: dict[str, list[str] | None] = {}
        for process in self._processes:
            assert process.stdout is not None
            answers |= json.loads(process.stdout.readline())
        return answers


@contextmanager
def racing(url: str) -> Iterator[Racers]:
    command = [sys.executable, "-m", "tests.stores.racer", url]
    with ExitStack() as started:
        yield Racers(
            [
                started.enter_context(
                    subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                )
                for _ in range(PROCESSES)
            ]
        )


async def booked(database: Database) -> dict[str, list[str]]:
    async with database.reading() as connection:
        rows = await connection.execute(select(BOOKING))
        return {row.order_id: [row.engineer_id, row.visit_start.isoformat()] for row in rows}


async def waiting(database: Database) -> set[str]:
    async with database.reading() as connection:
        return set(await connection.scalars(select(WAITING.c.order_id)))


@pytest.mark.usefixtures("processes")
async def test_200_orders_race_for_50_windows_and_each_is_sold_once_and_freed_once(
    url: str, database: Database
) -> None:
    async with database.writing() as connection:
        await connection.execute(delete(ENGINEER))
    store = store_of(database)
    for _ in range(ENGINEERS):
        await store.create_engineer(name="N", region="KR-11", working_hours=WorkingHours(time(9), time(19)))
    in_disorder = [str(number * 67 % ORDERS) for number in range(ORDERS)]
    with racing(url) as racers:
        outcomes = racers.race("assign", in_disorder)
        placed = {order_id: place for order_id, place in outcomes.items() if place is not None}
        assert len({tuple(place) for place in placed.values()}) == len(placed) == WINDOWS
        assert await booked(database) == placed
        assert await waiting(database) == outcomes.keys() - placed.keys()
        assert await store.find_due(FindDue()) == []

        canceled = sorted(placed)[::2]
        freed = {tuple(placed.pop(order_id)) for order_id in canceled}
        racers.race("close", canceled)
    assert await booked(database) == placed
    told, taken = [], set()
    while due := await store.find_due(FindDue()):
        (found,) = due
        told.append(found.order_id)
        taken.add(tuple(await assign(store, found.order_id, found.round + 1) or ()))
    assert told == sorted(outcomes.keys() - placed.keys() - set(canceled), key=ordered_at)[:CANCELED]
    assert taken == freed
    assert await store.due_regions() == []
