"""The API returns values that a newer release has written as text, and never as an error."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from httpx2 import Response
from sqlalchemy import update
from temporalio import workflow
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from api.orders.routes import order_id_of
from api.security.principals import Caller
from domain.common import contexts
from domain.installation import EngineerAct, EngineerAction, RequestInstallation
from domain.orders import (
    WORKFLOW_TYPE,
    Attention,
    AttentionReason,
    CancelRequest,
    Event,
    HistoryEntry,
    Message,
    Order,
    OrderStatus,
    Subscription,
    workflow_id,
)
from runtime.settings import Settings
from runtime.temporal_client import connect
from stores.installation.installations import InstallationStore
from stores.installation.tables import INSTALLATION
from tests.api.problems import assert_problem
from tests.api.service import CONTRACT_BODY, NOWHERE, Service, but, serving
from tests.api.test_metrics import shown
from tests.eventually import soon
from workflows.orders import visibility

NEWER = "OF_A_NEWER_RELEASE"
NOON = datetime(2026, 7, 15, 12, tzinfo=UTC)


@workflow.defn(name=WORKFLOW_TYPE)
class NewerWorkflow:
    """An order of a newer release, in a status that this one does not know."""

    @workflow.init
    def __init__(self, subscription: Subscription) -> None:
        self.order = newer(subscription.order)
        self.ended = False

    @workflow.run
    async def run(self, subscription: Subscription) -> Order:
        workflow.upsert_search_attributes([visibility.ORDER_STATUS.value_set(self.order.status.value)])
        await workflow.wait_condition(lambda: self.ended)
        return self.order

    @workflow.query(name=Message.ORDER)
    def current_order(self) -> Order:
        return self.order

    @workflow.update(name=Message.CANCEL)
    async def cancel(self, request: CancelRequest = CancelRequest()) -> Order:
        return self.order

    @workflow.update(name=EngineerAction.ACCEPT)
    async def accept(self, act: EngineerAct = EngineerAct()) -> None:
        """Accept everything."""

    @workflow.signal
    def end(self) -> None:
        self.ended = True


def newer(order: Order) -> Order:
    """Return the order with values of a newer release wherever possible."""
    order.status, order.version, order.region = OrderStatus(NEWER), 7, "KR-11"
    order.attention = Attention(AttentionReason(NEWER), NOON)
    order.history = [*order.history, HistoryEntry(Event(NEWER), NOON)]
    return order


def assert_newer(answer: Any, *, stale: bool | None = None) -> None:
    """Check that the order is returned with those values."""
    assert answer.status_code == 200, answer.text
    order = answer.json()
    assert order["status"] == NEWER
    if stale is not None:
        assert order["stale"] is stale
    if not stale:
        assert (order["attention"]["reason"], order["history"][-1]["event"]) == (NEWER, NEWER)


async def newer_answer(ask: Callable[[], Awaitable[Response]], *, stale: bool = False) -> None:
    """Repeat the request until the workflow has answered, which may take time on a busy machine."""

    async def answered() -> Response | None:
        answer = await ask()
        assert answer.status_code in (200, 202, 503), answer.text
        return answer if answer.status_code == 200 and answer.json()["stale"] is stale else None

    found = await soon(answered)
    assert found is not None
    assert_newer(found, stale=stale)


@asynccontextmanager
async def newer_worker(service: Service) -> AsyncIterator[None]:
    """Run a worker of the newer release."""
    client = await connect(service.settings)
    runner = UnsandboxedWorkflowRunner()
    async with Worker(client, task_queue=contexts.ORDERS, workflows=[NewerWorkflow], workflow_runner=runner):
        yield


@pytest.fixture
async def row(service: Service) -> str:
    """Store an order of the newer release that has no workflow. Returns its id."""
    order_id = await service.forgotten(OrderStatus(NEWER), newer(Order(uuid4().hex, "1", order_date="2020-07-15")))
    await service.app.state.services.get(InstallationStore).request(
        RequestInstallation(order_id, 1, "kr-11-1", "김하나", "Seoul"), NOON
    )
    async with service.opened(contexts.INSTALLATION) as database, database.writing() as connection:
        await connection.execute(update(INSTALLATION).values(status=NEWER))
    return order_id


async def test_what_is_stored_is_shown(service: Service, row: str) -> None:
    http = service.http

    assert_newer(await http.get(f"/orderStatuses/{row}"))
    listed = (await http.get("/orderStatuses?attention=true")).json()["items"]
    assert [(order["orderId"], order["status"], order["attention"]["reason"]) for order in listed] == [
        (row, NEWER, NEWER)
    ]
    summary = (await http.get("/orderStatuses/summary")).json()
    assert (summary["byStatus"], summary["byRegion"]) == ({NEWER: 1}, {"KR-11": {NEWER: 1}})
    assert_newer(await http.get(f"/orders/{row}"), stale=True)
    assert (await http.get(f"/installations/{row}")).json()["status"] == NEWER
    work = (await http.get("/installations?engineerId=kr-11-1")).json()["items"]
    assert [installation["status"] for installation in work] == [NEWER]
    assert (await shown(service, "orders"))[(NEWER,)] == 1
    assert (NEWER,) in await shown(service, "orders_unchanged_seconds")
    assert (await shown(service, "orders_attention")) == {(NEWER,): 1}


@pytest.mark.parametrize(
    "query",
    ["/orderStatuses?status=", "/orderStatuses?attention=", "/installations?status=", "/orderStatuses/events?status="],
)
async def test_nobody_can_ask_for_a_value_that_this_release_does_not_know(service: Service, query: str) -> None:
    problem = assert_problem(await service.http.get(query + NEWER), 400, "malformed-request")
    assert "must be one of " in problem["detail"]


async def test_an_order_that_may_have_ended_is_neither_canceled_nor_placed_again(service: Service) -> None:
    key = uuid4().hex
    order_id = order_id_of(key, Caller())
    order = Order(order_id, "1", product_id="2001", product_name="internet", installation_address="Seoul")
    order.order_date = "2020-07-15"
    await service.forgotten(OrderStatus(NEWER), newer(order))

    answer = await service.http.post("/orders", json=CONTRACT_BODY, headers={"Idempotency-Key": key})

    assert answer.headers["Idempotent-Replayed"] == "true"
    assert_newer(answer, stale=False)
    problem = assert_problem(await service.http.post(f"/orders/{order_id}/cancel"), 503, "no-answer-in-time")
    assert NEWER in problem["detail"]


async def test_what_a_workflow_tells_is_shown(settings: Settings) -> None:
    async with serving(but(settings, order_status_database_url=NOWHERE)) as service:
        http = service.http
        async with newer_worker(service):
            order_id, canceled = await service.order(), await service.order()
            await newer_answer(lambda: http.get(f"/orders/{order_id}"))
            await newer_answer(lambda: http.post(f"/orders/{canceled}/cancel"))
        # Without a worker, by the search attributes.
        await newer_answer(lambda: http.get(f"/orders/{order_id}"), stale=True)

        async with newer_worker(service):
            await (await connect(settings)).get_workflow_handle(workflow_id(order_id)).signal(NewerWorkflow.end)
            await service.closed(order_id)
        await newer_answer(lambda: http.get(f"/orders/{order_id}"))
        # Its workflow has ended it, whatever that is called.
        problem = assert_problem(await http.post(f"/orders/{order_id}/cancel"), 409, "order-cancel-rejected")
        assert NEWER in problem["detail"]


async def test_an_engineer_is_answered_by_what_the_order_says(service: Service) -> None:
    async with newer_worker(service):
        order_id = await service.order()
        await service.app.state.services.get(InstallationStore).request(
            RequestInstallation(order_id, 1, "kr-11-1", "김하나", "Seoul"), NOON
        )
        async with service.opened(contexts.INSTALLATION) as database, database.writing() as connection:
            await connection.execute(update(INSTALLATION).values(status=NEWER))

        async def accepted() -> bool:
            answer = await service.act(order_id, "accept")
            assert answer.status_code in (200, 503), answer.text
            return answer.status_code == 200 and answer.json()["status"] == NEWER

        await soon(accepted)
