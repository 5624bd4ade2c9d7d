"""An address that may be in several regions: a manager's assignment decides, or a change of the service areas."""

from dataclasses import replace

import pytest

from domain.common import contexts
from domain.management_center.addresses import PlacementProblem
from domain.management_center.assignments import AssignEngineer, AssignmentRefusal, WhenNobody
from stores.common.database import Database
from tests.stores.center import DAY, MIDNIGHT, NINE, RULES, Center

AMBIGUOUS = "고성군 중앙길 1"
REGIONS = ["KR-42", "KR-48"]
ALL_DAY = MIDNIGHT, MIDNIGHT + DAY


@pytest.fixture
def context() -> str:
    return contexts.MANAGEMENT_CENTER


@pytest.fixture
def center(database: Database) -> Center:
    return Center(database, replace(RULES, horizon=3 * DAY))


async def test_an_ambiguous_address_is_refused_with_the_regions_in_question(center: Center) -> None:
    outcome = await center.outcome("o1", installation_address=AMBIGUOUS)

    assert outcome.refusal is AssignmentRefusal.NO_SERVICE_AREA
    assert (outcome.assignment, outcome.region, outcome.regions) == (None, None, REGIONS)
    # A worker that was killed before it could answer asks once more.
    again = await center.store.assign_engineer(AssignEngineer("o1", 1, AMBIGUOUS, "2001", ordered_at=MIDNIGHT))
    assert again == outcome
    offer = await center.store.offer(AMBIGUOUS, "2001", *ALL_DAY, order_id="o1")
    assert (offer.placement.problem, offer.slots) == (PlacementProblem.AMBIGUOUS_ADDRESS, [])
    assert list(offer.placement.regions) == REGIONS


async def test_a_managers_assignment_decides_the_region_from_then_on(center: Center) -> None:
    await center.place("o1", installation_address=AMBIGUOUS)

    outcome = await center.outcome("o1", installation_address=AMBIGUOUS, engineer_id="kr-48-2", by="manager:kim")

    assert outcome.assignment is not None
    assert (outcome.assignment.region, outcome.refusal, outcome.regions) == ("KR-48", None, [])
    offer = await center.store.offer(AMBIGUOUS, "2001", *ALL_DAY, order_id="o1")
    assert (offer.placement.region, offer.placement.problem) == ("KR-48", None)
    assert [slot.free for slot in offer.slots] == [2, 3, 3, 3]
    near = await center.store.slots_near(AMBIGUOUS, "2001", NINE, order_id="o1")
    assert near[0] == offer.slots[0]
    moved = await center.place(
        "o1", installation_address=AMBIGUOUS, wanted=NINE + DAY, exactly=True, otherwise=WhenNobody.KEEP
    )
    assert moved == ("kr-48-1", NINE + DAY)
    # Of another order, the address is as ambiguous as before.
    assert (await center.outcome("o2", installation_address=AMBIGUOUS)).regions == REGIONS


async def test_an_engineer_of_another_region_does_not_decide(center: Center) -> None:
    await center.place("o1", installation_address=AMBIGUOUS, engineer_id="kr-11-1")

    assert (await center.outcome("o1", installation_address=AMBIGUOUS)).regions == REGIONS


async def test_a_change_of_areas_has_it_tried_again(center: Center) -> None:
    await center.place("o1", installation_address=AMBIGUOUS)
    assert await center.due() == []

    await center.store.retire_service_area("kr-42")

    assert await center.due() == ["o1"]
    outcome = await center.outcome("o1", installation_address=AMBIGUOUS)
    assert outcome.assignment is not None
    assert outcome.region == "KR-48"
    await center.place("o2", installation_address="평양")
    await center.store.create_service_area(region="KR-99", name="P", local_name="평양", matches=["평양"])
    assert await center.due() == ["o2"]


async def test_an_address_without_a_province_is_placed_by_its_municipality(center: Center) -> None:
    assert await center.place("o1", installation_address="강남구 테헤란로 152") == ("kr-11-1", NINE)
    assert (await center.outcome("o2", installation_address="Bundang-gu, Seongnam-si")).region == "KR-41"
    await center.store.retire_service_area("kr-41")
    refused = await center.outcome("o3", installation_address="Bundang-gu, Seongnam-si")
    assert (refused.refusal, refused.regions) == (AssignmentRefusal.NO_SERVICE_AREA, [])
