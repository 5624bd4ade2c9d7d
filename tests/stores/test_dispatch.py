"""Which orders the dispatcher of each region finds, and how long it leaves alone who was asked in vain."""

from datetime import timedelta

import pytest

from domain.common import contexts
from domain.management_center.assignments import AssignmentRefusal
from domain.management_center.dispatch import NO_REGION
from tests.stores.center import NINE, NOWHERE, Center

MINUTE = timedelta(minutes=1)
SEOUL, BUSAN = "KR-11", "KR-26"


@pytest.fixture
def context() -> str:
    return contexts.MANAGEMENT_CENTER


async def test_each_region_finds_its_own_orders_and_the_release_before_finds_all(center: Center) -> None:
    """Orders without a region have a dispatcher of their own."""
    full = await center.fill()
    assert await center.place("seoul") is AssignmentRefusal.NO_CAPACITY
    assert await center.place("nowhere", installation_address=NOWHERE) is AssignmentRefusal.NO_SERVICE_AREA
    assert await center.place("busan", installation_address="Busan") == ("kr-26-1", NINE)
    assert await center.store.due_regions() == []

    await center.close(full[0])
    assert await center.store.due_regions() == [SEOUL]
    await center.store.create_service_area(region="JP-13", name="Osaka", local_name="大阪", matches=["Osaka"])
    await center.store.change_engineer("kr-26-1", active=False)

    regions = await center.store.due_regions()
    assert regions == [NO_REGION, SEOUL, BUSAN]
    assert [await center.due(region=region) for region in regions] == [["nowhere"], ["seoul"], ["busan"]]
    assert await center.due(region="KR-27") == []
    assert (await center.due(), await center.due("busan"), await center.due("busan", "nowhere")) == (
        ["busan"],
        ["nowhere"],
        ["seoul"],
    )


async def test_an_order_that_waits_and_was_asked_in_vain_is_left_alone_for_a_minute_or_until_it_decides(
    center: Center,
) -> None:
    full = await center.fill()
    await center.place("w")
    await center.close(full[0])
    await center.asked_in_vain("w", 0)
    assert await center.due(region=SEOUL) == ["w"]

    await center.asked_in_vain("w")
    assert (await center.store.due_regions(), await center.due(region=SEOUL), await center.due()) == ([], [], [])
    center.now += MINUTE
    assert (await center.store.due_regions(), await center.due(region=SEOUL)) == ([SEOUL], ["w"])

    await center.asked_in_vain("w")
    assert await center.place("w", passed_over=["kr-11-1"]) is AssignmentRefusal.NO_CAPACITY
    await center.close(full[1])
    assert (await center.store.due_regions(), await center.due(region=SEOUL)) == ([SEOUL], ["w"])


async def test_a_visit_whose_order_was_asked_in_vain_holds_up_no_other(center: Center) -> None:
    for order_id in ("a", "b", "c"):
        await center.place(order_id)
    for engineer_id in ("kr-11-1", "kr-11-2"):
        await center.store.change_engineer(engineer_id, active=False)
    assert await center.due(region=SEOUL) == ["a", "b"]

    await center.asked_in_vain("a")
    assert (await center.store.due_regions(), await center.due(region=SEOUL)) == ([SEOUL], ["b"])
    await center.asked_in_vain("b")
    assert (await center.store.due_regions(), await center.due(region=SEOUL)) == ([], [])
    center.now += MINUTE
    assert (await center.store.due_regions(), await center.due(region=SEOUL)) == ([SEOUL], ["a", "b"])
