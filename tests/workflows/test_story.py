"""The scenario, requirement by requirement."""

from domain.installation import InstallationStatus
from domain.orders import OrderStatus
from tests.workflows.stage import Stage


async def test_an_order_runs_from_request_to_finished_installation(stage: Stage) -> None:
    order = await stage.place()
    requested = await order.until(OrderStatus.INSTALLATION_REQUESTED)
    assert (requested.engineer_id, requested.region) == ("e1", "KR-11")

    await order.accept()
    await order.complete()

    ended = await order.result()
    assert [entry.event for entry in ended.history] == [
        "JoinOrdered",
        "OrderAccepted",
        "InstallationRequested",
        "InstallationAccepted",
        "InstallationCompleted",
        "JoinCompleted",
    ]
    assert [entry.by for entry in ended.history] == [
        "customer:1",
        "system",
        "system",
        "engineer:e1",
        "engineer:e1",
        "system",
    ]
    assert stage.contexts.newest(order.order_id) is InstallationStatus.COMPLETED


async def test_the_history_says_where_who_and_when_after_each_event(stage: Stage) -> None:
    """Events for other systems are made of it, and an engineer who declines has left the order by then."""
    order = await stage.place()
    first = (await order.until(OrderStatus.INSTALLATION_REQUESTED)).visit
    await order.decline()
    row = await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e2")

    facts = [(entry.event, entry.region, entry.engineer_id, entry.visit, entry.round) for entry in row.history]
    assert facts == [
        ("JoinOrdered", None, None, None, None),
        ("OrderAccepted", "KR-11", "e1", first, 1),
        ("InstallationRequested", "KR-11", "e1", first, 1),
        ("InstallationDeclined", "KR-11", None, None, 1),
        ("OrderAccepted", "KR-11", "e2", row.visit, 2),
        ("InstallationRequested", "KR-11", "e2", row.visit, 2),
    ]
    await order.cancel()
