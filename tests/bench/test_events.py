"""The bench of outbound events measures what it says, and notices if an event is missing."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from bench import cost, events
from bench.consumers import Consumer, consumer
from harness.http_client import Connection

MEASURED = [
    "completed orders/s",
    "temporal CPU ms an order",
    "worker CPU ms an order",
    "api CPU ms an order",
    "activities of an order",
    "workflow tasks of an order",
    "events of an order",
    "actions of an order",
    "activities of the relay/s",
    "delay of an event, p50 s",
    "delay of an event, p95 s",
    "events/s to one that catches up",
    "worker CPU ms for each of them",
]


def body(position: int, *, order_id: str = "a", type_: str = "orders.JoinOrdered") -> bytes:
    at = datetime.now(UTC).isoformat()
    event = {"id": f"{order_id}-{position}", "subject": order_id, "type": type_, "time": at}
    return json.dumps(event | {"data": {"position": position}}).encode()


def having(positions: Sequence[int]) -> Consumer:
    told = Consumer()
    for position in positions:
        told.accept(body(position))
    return told


@pytest.mark.parametrize("positions", [[0], [0, 1, 2], [0, 1, 0, 1, 2]])
def test_events_that_have_come_in_order_are_right_also_if_they_came_twice(positions: list[int]) -> None:
    events.check(having(positions), ["a"])


@pytest.mark.parametrize("positions", [[], [1], [0, 2], [1, 0], [0, 2, 1]])
def test_an_event_that_is_missing_or_comes_too_early_is_noticed(positions: list[int]) -> None:
    with pytest.raises(RuntimeError, match="1 of 1 orders"):
        events.check(having(positions), ["a"])


async def test_a_consumer_keeps_events_and_no_pings_until_it_is_dead() -> None:
    async with consumer() as one:
        connection = Connection("127.0.0.1", one.port)
        for sent in (body(0), body(0, type_="eventDelivery.Ping"), body(1)):
            assert (await connection.request("POST", "/events", sent)).status == 204
        batch = b"[" + b",".join(map(body, (2, 3))) + b"]"
        assert (await connection.request("POST", "/events", batch)).status == 204
        assert [event.position for event in one.received] == [0, 1, 2, 3]

        one.die()
        with pytest.raises(ConnectionError):
            await connection.request("POST", "/events", body(4))
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", one.port)
        assert len(one.received) == 4


@pytest.mark.whole
@pytest.mark.usefixtures("processes")
async def test_the_quick_form_measures_everything() -> None:
    found = await events.measure(quick=True)

    rows = {str(row["what"]): row for row in found.rows}
    assert list(rows) == MEASURED
    for side in ("five subscriptions", "five, 50 events in a request"):
        with_five = {what: float(row[side]) for what, row in rows.items()}
        assert all(measured > 0 for what, measured in with_five.items() if "CPU" not in what)
        # What is billed does not depend on how fast the machine is. A busy one has more workflow tasks.
        for counted in ("activities", "actions"):
            assert with_five[f"{counted} of an order"] <= cost.LIMITS[counted]
