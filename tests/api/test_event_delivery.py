"""A subscription over HTTP: from the order to the consumer, and what a change of the subscription starts."""

import asyncio
from collections.abc import AsyncIterator
from secrets import SystemRandom
from unittest.mock import AsyncMock, Mock

import pytest
from standardwebhooks import Webhook

from activities.event_delivery import part
from api.event_delivery.delivery_trigger import DeliveryTrigger
from domain.common import contexts
from domain.event_delivery.delivery import workflow_id
from runtime.settings import Settings
from runtime.temporal_client import connect, start_event_relay
from tests.api.problems import assert_problem
from tests.api.service import MOON, Service, but, serving
from tests.event_delivery.consumer import consumer
from tests.eventually import soon

SUBSCRIPTIONS = "/eventSubscriptions"
STORY = [
    "JoinOrdered",
    "OrderAccepted",
    "InstallationRequested",
    "InstallationAccepted",
    "InstallationCompleted",
    "JoinCompleted",
]


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    async with serving(but(settings, event_target_networks="127.0.0.0/8")) as service:
        yield service
        await service.end_orders()


async def test_a_consumer_is_sent_every_event_of_an_order(service: Service) -> None:
    """The relay and the delivery are terminated at the end, because other tests use the same server."""
    await service.work()
    client = await connect(service.settings)
    await start_event_relay(client, contexts.ORDER_STATUS)
    async with consumer() as seen:
        body = {"name": "billing", "url": f"http://127.0.0.1:{seen.port}/events"}
        made = (await service.http.post(SUBSCRIPTIONS, json=body)).json()
        path = f"{SUBSCRIPTIONS}/{made['eventSubscriptionId']}"

        async def agreed() -> bool:
            return bool((await service.http.get(path)).json()["state"] == "ACTIVE")

        try:
            await soon(agreed)
            await service.hire()
            order_id = await service.requested(installationAddress=f"{MOON['localName']} 1번지")
            assert (await service.act(order_id, "accept")).status_code == 200
            assert (await service.act(order_id, "complete")).status_code == 200

            async def came() -> bool:
                return len(seen.bodies) >= 2 + len(STORY)

            await soon(came)
        finally:
            for id_ in (workflow_id(made["eventSubscriptionId"]), f"event-relay-{contexts.ORDER_STATUS}"):
                await client.get_workflow_handle(id_).terminate()

        requests = [(seen.headers(number), seen.bodies[number]) for number, text in enumerate(seen.bodies) if text]
        ping, *events = [Webhook(made["secret"]).verify(text, headers) for headers, text in requests]
        assert ping["type"] == "eventDelivery.Ping"
        assert [event["type"] for event in events] == [f"orders.{name}" for name in STORY]
        assert {event["subject"] for event in events} == {order_id}
        assert [event["sequence"] for event in events] == sorted(event["sequence"] for event in events)
        shown = (await service.http.get(path)).json()
        assert shown["failing"] is None


async def test_each_change_of_a_subscription_triggers_its_delivery(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = Mock()
    monkeypatch.setattr(DeliveryTrigger, "changed", changed)
    body = {"name": "billing", "url": "http://127.0.0.1:9999/"}
    path = (await service.http.post(SUBSCRIPTIONS, json=body)).headers["Location"]
    id_ = path.rpartition("/")[2]
    expected = 1
    for act, given in (("pause", {}), ("resume", {}), ("replay", {"from": "beginning"}), ("secrets", {})):
        assert (await service.http.post(f"{path}/{act}", json=given)).is_success, act
        expected += 1
        assert changed.call_count == expected, act
    await service.http.patch(path, json={"name": "other"})
    await service.http.get(path)
    await service.http.get(SUBSCRIPTIONS)
    await service.http.post(f"{path}/held/nobody/retry")
    await service.http.post(SUBSCRIPTIONS, json={})
    await service.http.delete(path)
    assert changed.call_count == expected + 2
    assert {call.args for call in changed.call_args_list} == {(id_,)}


async def test_a_delivery_that_was_not_started_is_left_to_the_workers() -> None:
    start = AsyncMock(side_effect=[RuntimeError("down"), None, None])
    trigger = DeliveryTrigger(start)
    running = asyncio.create_task(trigger.run())
    for number, id_ in enumerate("abc", 1):
        trigger.changed(id_)
        trigger.changed(id_)

        async def started(number: int = number) -> bool:
            return bool(start.await_count == number)

        await soon(started)
    trigger.stop()
    await running
    assert [call.args for call in start.await_args_list] == [("a",), ("b",), ("c",)]


async def test_a_worker_starts_deliveries_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "LONGEST_DELAY", 0)
    monkeypatch.setattr(part, "_BETWEEN_STARTS", 0.001)
    monkeypatch.setattr(part, "_AFTER_A_FAILURE", 0.001)
    stop, start = asyncio.Event(), AsyncMock(side_effect=[RuntimeError("down"), *[None] * 10**4])
    unattended = AsyncMock(return_value=["a", "b"])
    running = asyncio.create_task(part.keep_deliveries_running(unattended, start, stop))

    async def often() -> bool:
        return bool(start.await_count >= 6)

    await soon(often)
    stop.set()
    await running
    assert {call.args for call in start.await_args_list} == {("a",), ("b",)}


async def test_a_delivery_that_is_refused_every_time_keeps_no_other_from_being_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(part, "LONGEST_DELAY", 0)
    monkeypatch.setattr(part, "_AFTER_A_FAILURE", 0.001)
    stop, started = asyncio.Event(), set[str]()

    async def start(subscription_id: str) -> None:
        if subscription_id == "a":
            raise RuntimeError("refused")
        started.add(subscription_id)

    unattended = AsyncMock(side_effect=lambda: sorted({"a", "b", "c"} - started))
    running = asyncio.create_task(part.keep_deliveries_running(unattended, start, stop))

    async def all_others() -> bool:
        return started == {"b", "c"}

    await soon(all_others)
    stop.set()
    await running


@pytest.mark.parametrize("subscriptions", [1, 50, 1000])
def test_a_hanging_name_server_leaves_a_thread_for_each_other_name(subscriptions: int) -> None:
    assert part.most_lookups(Settings(max_event_subscriptions=subscriptions)) > subscriptions


async def test_a_worker_waits_a_random_moment_before_it_starts_any_and_not_when_it_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moment = Mock(return_value=10.0**6)
    monkeypatch.setattr(SystemRandom, "uniform", moment)
    stop, unattended = asyncio.Event(), AsyncMock()
    running = asyncio.create_task(part.keep_deliveries_running(unattended, AsyncMock(), stop))

    async def waits() -> bool:
        return bool(moment.called)

    await soon(waits)
    stop.set()
    await running
    moment.assert_called_once_with(0, 2)
    assert unattended.await_count == 0


async def test_what_does_not_exist_has_no_attempts(service: Service) -> None:
    assert_problem(await service.http.get(f"{SUBSCRIPTIONS}/unknown/attempts"), 404, "not-found")


async def test_the_metrics_tell_how_the_subscriptions_are(service: Service) -> None:
    body = {"name": "billing", "url": "http://127.0.0.1:9999/"}
    path = (await service.http.post(SUBSCRIPTIONS, json=body)).headers["Location"]
    await service.http.post(f"{path}/pause")

    metrics = (await service.http.get("/metrics")).text

    assert 'event_subscriptions{reason="BY_PERSON",state="PAUSED"} 1.0' in metrics
    for name in ("event_subscriptions_failing", "event_orders_held", "event_oldest_undelivered_seconds"):
        assert f"\n{name} 0.0" in metrics
    assert 'measurement_up{of="subscriptions"} 1.0' in metrics
