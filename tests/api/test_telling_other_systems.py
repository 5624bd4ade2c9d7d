"""From the order to the consumer: every entry of every history is one event, in order, and names nobody."""

from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import Client

from activities.order_status.view_repair import ViewRepair
from domain.common import contexts
from domain.event_delivery.relay import workflow_id
from runtime.order_workflows import OrderWorkflows
from runtime.temporal_client import connect, start_event_relay
from stores.event_delivery.log import EventLog
from stores.migration import drop, migrate
from stores.order_status.outbox import OutboxStore
from stores.order_status.view import OrderStatusStore
from tests.api import patience
from tests.api.service import Service
from tests.eventually import soon

MARKED = {"customerName": "김비밀", "contactPhone": "010-9876-5432", "note": "비밀번호 4711", "customerId": "secret-1"}


@pytest.fixture
async def client(service: Service) -> AsyncIterator[Client]:
    """A client, and a running relay."""
    client = await connect(service.settings)
    await start_event_relay(client, contexts.ORDER_STATUS)
    yield client
    await client.get_workflow_handle(workflow_id(contexts.ORDER_STATUS)).terminate()


async def consumed(service: Service) -> dict[str, list[dict[str, Any]]]:
    """Return the events of each order, as a consumer reads them from the beginning."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    answer = (await service.http.get("/events", params={"limit": 7})).json()
    while True:
        for item in answer["items"]:
            found[item["subject"]].append(item)
        if answer["next"] == answer["last"]:
            return found
        answer = (await service.http.get("/events", params={"limit": 7, "after": answer["next"]})).json()


async def histories(service: Service, *order_ids: str) -> dict[str, list[tuple[str, str]]]:
    rows = [(await service.http.get(f"/orderStatuses/{order_id}")).json() for order_id in order_ids]
    return {row["orderId"]: [(entry["event"], entry["at"]) for entry in row["history"]] for row in rows}


async def test_a_consumer_follows_every_order(service: Service, client: Client) -> None:
    await service.work()
    completed = await service.completed()
    canceled = await service.requested(**MARKED)
    assert (await service.http.post(f"/orders/{canceled}/cancel", json={"reason": "비밀"})).status_code in (200, 202)
    await service.closed(canceled)
    expected = await histories(service, completed, canceled)
    assert [event for event, _ in expected[canceled]][-1] == "OrderCanceled"

    async def all_told() -> bool:
        found = await consumed(service)
        return {subject: len(events) for subject, events in found.items()} == {
            order_id: len(history) for order_id, history in expected.items()
        }

    await soon(all_told)
    found = await consumed(service)

    for order_id, history in expected.items():
        events = found[order_id]
        assert [(event["type"], event["time"]) for event in events] == [(f"orders.{name}", at) for name, at in history]
        assert [event["data"]["position"] for event in events] == list(range(len(history)))
        numbers = [event["sequence"] for event in events]
        assert numbers == sorted(numbers)
    assert found[completed][-1]["data"]["status"] == "JOIN_COMPLETED"
    ids = [event["id"] for events in found.values() for event in events]
    assert len(set(ids)) == len(ids)
    text = (await service.http.get("/events", params={"limit": 500})).text
    assert not [secret for secret in (*MARKED.values(), "비밀") if secret in text]


async def test_orders_go_on_without_event_delivery_and_are_told_afterwards(service: Service, client: Client) -> None:
    others = [context for context in contexts.ALL if context != contexts.EVENT_DELIVERY]
    await service.work(*others)
    patience.wait_long(patience.WORKERS)  # those that complete an order run
    order_id = await service.completed()
    expected = await histories(service, order_id)
    assert (await service.http.get("/events")).json()["items"] == []

    await service.work(contexts.EVENT_DELIVERY)

    async def told() -> bool:
        return len((await consumed(service))[order_id]) == len(expected[order_id])

    await soon(told)


async def test_a_view_that_is_made_anew_tells_consumers_nothing(service: Service, client: Client) -> None:
    await service.work()
    order_id = await service.requested()
    entries = len((await histories(service, order_id))[order_id])

    async def told() -> bool:
        return len((await consumed(service))[order_id]) == entries

    await soon(told)
    before = await consumed(service)
    async with service.opened(contexts.ORDER_STATUS) as database:
        outbox = OutboxStore(database)
        numbered = await outbox.last()
        await drop(contexts.ORDER_STATUS, service.settings.database_url(contexts.ORDER_STATUS))
        await migrate(contexts.ORDER_STATUS, service.settings.database_url(contexts.ORDER_STATUS))
        repaired = await ViewRepair(OrderWorkflows(client), OrderStatusStore(database)).repair(order_id)
        assert repaired.repair is not None

        async def read_again() -> bool:
            log: EventLog = service.app.state.services.get(EventLog)
            return await log.position(contexts.ORDER_STATUS) >= await outbox.last() >= numbered + entries

        await soon(read_again)
    assert await consumed(service) == before
