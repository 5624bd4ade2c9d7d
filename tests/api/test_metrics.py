"""The API's metrics of the whole system."""

from prometheus_client.parser import text_string_to_metric_families

from domain.common import contexts
from domain.orders import OrderStatus
from runtime.settings import Settings
from tests.api.service import NOWHERE, Service, but, serving
from tests.eventually import soon


async def shown(service: Service, name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of a metric by their labels' values."""
    text = (await service.http.get("/metrics")).text
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


async def test_orders_and_task_queues_are_measured(service: Service) -> None:
    await service.forgotten(OrderStatus.JOIN_COMPLETED)

    up = {("orders",): 1, ("task-queues",): 1, ("access-log",): 1, ("subscriptions",): 1}
    assert await shown(service, "measurement_up") == up
    orders = await shown(service, "orders")
    assert {status for (status,) in orders} == set(OrderStatus)
    assert orders[(OrderStatus.JOIN_COMPLETED,)] == 1
    assert await shown(service, "projection_lag_seconds") == {(): 0}
    assert [*await shown(service, "event_relay_lag_seconds")] == [(contexts.ORDER_STATUS,)]
    assert {queue for queue, _ in await shown(service, "task_queue_pollers")} == set(contexts.ALL)
    assert all(backlog >= 0 for backlog in (await shown(service, "task_queue_backlog")).values())


async def test_a_first_row_counts_as_the_event_that_it_tells(service: Service) -> None:
    await service.order()

    async def counted() -> bool:
        return await shown(service, "orders_events_total") == {("JoinOrdered",): 1}

    await soon(counted, what="the event is counted")


async def test_what_cannot_be_measured_is_not_shown_and_holds_nothing_up(settings: Settings, free_port: int) -> None:
    async with serving(but(settings, temporal_port=free_port, order_status_database_url=NOWHERE)) as service:
        up = {("orders",): 0, ("task-queues",): 0, ("access-log",): 1, ("subscriptions",): 1}
        assert await shown(service, "measurement_up") == up
        assert await shown(service, "orders") == await shown(service, "task_queue_backlog") == {}
        assert await shown(service, "event_relay_lag_seconds") == {}
        assert [str(lag) for lag in (await shown(service, "projection_lag_seconds")).values()] == ["nan"]
