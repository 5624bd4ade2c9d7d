"""A flood of new orders: while the workers lag behind, orders are started one by one."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from api.http.errors import NoAnswerInTime
from api.orders import backlog_watch, starting
from api.orders.backlog_watch import LOOK_COUNTS_FOR, BacklogWatch
from api.orders.starting import Starting
from domain.common import contexts
from domain.orders import Order, Subscription
from observability.task_queues import QueueState, describe
from runtime.temporal_client import connect
from tests.api.service import Service
from tests.eventually import PATIENCE, soon

IDLE = QueueState(0, 0.0, (0.1,))
BEHIND = QueueState(200, 0.6, (30.0, 0.1))
MOST = 4


class Server:
    """A Temporal server that starts workflows when a test lets it, and says what a test wants of its queue."""

    def __init__(self) -> None:
        self.state: QueueState | Exception = IDLE
        self.looks = 0
        self.now = 1000.0
        self.in_flight = 0
        self.most_in_flight = 0
        self.taken = 0
        self.may_answer = asyncio.Semaphore(0)

    async def look(self) -> QueueState:
        self.looks += 1
        if isinstance(self.state, Exception):
            raise self.state
        return self.state

    async def start_workflow(self, *_: Any, **__: Any) -> None:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await self.may_answer.acquire()
        self.in_flight -= 1
        self.taken += 1


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def watch(server: Server) -> BacklogWatch:
    return BacklogWatch(server.look, CollectorRegistry(), lambda: server.now)


@pytest.fixture
def orders(server: Server, watch: BacklogWatch) -> Starting:
    return Starting(cast(Client, server), watch, most_in_flight=MOST)


def place(orders: Starting, number: int) -> "list[asyncio.Task[bool]]":
    return [asyncio.create_task(orders.start(Subscription(Order(f"o{each}")), "f")) for each in range(number)]


async def turns() -> None:
    """Let every task go on as far as it can."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_while_workers_lag_behind_one_order_is_started_at_a_time(
    server: Server, watch: BacklogWatch, orders: Starting
) -> None:
    server.state = BEHIND
    await watch.look()
    placing = place(orders, 3 * MOST)
    for taken in range(1, 3 * MOST + 1):
        await turns()
        assert (server.in_flight, orders.in_flight) == (1, 1)
        server.may_answer.release()
        await turns()
        assert server.taken == taken

    assert all(await asyncio.gather(*placing))
    assert server.most_in_flight == 1


async def test_while_they_keep_up_as_many_are_started_as_is_configured(server: Server, orders: Starting) -> None:
    placing = place(orders, 3 * MOST)
    await turns()
    assert server.in_flight == MOST

    for _ in placing:
        server.may_answer.release()
    assert all(await asyncio.gather(*placing))
    assert server.most_in_flight == MOST


async def test_once_they_have_caught_up_the_next_orders_are_started_side_by_side_again(
    server: Server, watch: BacklogWatch, orders: Starting
) -> None:
    server.state = BEHIND
    await watch.look()
    placing = place(orders, 3 * MOST)
    await turns()
    server.state = IDLE
    await watch.look()

    for _ in placing:
        server.may_answer.release()
        await turns()
    assert all(await asyncio.gather(*placing))
    placing = place(orders, MOST)
    await turns()
    assert server.in_flight == MOST
    for _ in placing:
        server.may_answer.release()
    await asyncio.gather(*placing)


async def test_who_waits_for_too_long_is_told_to_come_again_and_holds_nobody_up(
    server: Server, watch: BacklogWatch, orders: Starting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "TURN_WITHIN", 0.05)
    monkeypatch.setattr(starting, "START_WITHIN", PATIENCE)
    server.state = BEHIND
    await watch.look()
    first, *others = place(orders, 3 * MOST)

    refused = await asyncio.gather(*others, return_exceptions=True)
    assert all(isinstance(each, NoAnswerInTime) for each in refused)
    server.may_answer.release()
    assert await first
    server.may_answer.release()
    assert await place(orders, 1)[0]
    assert server.taken == 2


@pytest.mark.parametrize(
    ("state", "lagging"),
    [
        (BEHIND, True),
        (QueueState(1, 0.6, (9.0,)), True),
        (QueueState(200, 0.4, (0.1,)), False),
        (QueueState(200, 600.0, ()), False),
        (QueueState(200, 600.0, (11.0, 80.0)), False),
        (RPCError("", RPCStatusCode.DEADLINE_EXCEEDED, b""), False),
        (RuntimeError("cannot connect"), False),
    ],
)
async def test_only_workers_that_poll_lag_behind(
    server: Server, watch: BacklogWatch, state: QueueState | Exception, lagging: bool
) -> None:
    server.state = state
    await watch.look()

    assert watch.lagging() is lagging


async def test_without_an_answer_a_look_counts_for_a_while(server: Server, watch: BacklogWatch) -> None:
    server.state = BEHIND
    await watch.look()
    server.state = TimeoutError()
    server.now += LOOK_COUNTS_FOR - 0.1
    await watch.look()
    assert watch.lagging()

    server.now += 0.2
    assert not watch.lagging()


async def test_it_looks_while_orders_come_and_never_by_itself(
    server: Server, watch: BacklogWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog_watch, "LOOK_EVERY", 0)
    running = asyncio.create_task(watch.run())
    await turns()
    assert server.looks == 0

    for looks in (1, 2):
        for _ in range(10):
            watch.order_comes()
        await soon(_has(server, looks), what="a look")
        await turns()
        assert server.looks == looks
    watch.stop()
    await running
    assert server.looks == 2


def _has(server: Server, looks: int) -> Callable[[], Any]:
    async def reached() -> bool:
        return server.looks >= looks

    return reached


async def test_the_server_tells_how_long_the_oldest_order_has_waited_and_who_polls(service: Service) -> None:
    client = await connect(service.settings)
    await service.order()

    async def state() -> QueueState | None:
        found = await _described(client)
        return found if found.backlog and found.age > 0 else None

    waiting = await soon(state, what="the server measures the backlog")
    assert waiting is not None

    await service.work(contexts.ORDERS)

    async def polled() -> bool:
        return (await _described(client)).pollers(PATIENCE) > 0

    await soon(polled, what="a worker polls")


async def _described(client: Client) -> QueueState:
    kind = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
    return await describe(client, contexts.ORDERS, kind, within=timedelta(seconds=PATIENCE))
