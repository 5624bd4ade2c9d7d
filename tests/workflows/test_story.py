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
