import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.common import contexts
from domain.common.errors import NotFound
from domain.management_center.assignments import (
    AssignEngineer,
    Assignment,
    AssignmentOutcome,
    AssignmentRefusal,
    CloseAssignment,
)
from stores.common.database import Database
from stores.management_center.assignments import ManagementCenterStore
from tests.stores.conftest import Connect
from tests.stores.orders import NOON

SEOUL = "서울특별시 강남구 테헤란로 1"
NOWHERE = "Tokyo"


@pytest.fixture
def context() -> str:
    return contexts.MANAGEMENT_CENTER


@pytest.fixture
def store(database: Database) -> ManagementCenterStore:
    return ManagementCenterStore(database)


def asking(order_id: str = "o1", round_: int = 1, address: str = SEOUL, *passed_over: str) -> AssignEngineer:
    return AssignEngineer(order_id, round_, address, "2001", list(passed_over))


def naming(engineer_id: str, order_id: str = "o1", round_: int = 1, address: str = SEOUL) -> AssignEngineer:
    return AssignEngineer(order_id, round_, address, "2001", [], engineer_id, "manager:m1")


async def engineer_of(store: ManagementCenterStore, order_id: str = "o1") -> str | None:
    try:
        return (await store.assignment(order_id)).engineer_id
    except NotFound:
        return None


def refused(refusal: AssignmentRefusal, region: str | None, round_: int) -> AssignmentOutcome:
    return AssignmentOutcome(refusal=refusal, region=region, round=round_)


async def test_an_engineer_of_the_region_is_assigned(store: ManagementCenterStore) -> None:
    before = datetime.now(UTC)
    outcome = await store.assign_engineer(asking())
    assert outcome.assignment is not None
    assert before <= outcome.assignment.assigned_at <= datetime.now(UTC)
    assert outcome == AssignmentOutcome(
        Assignment(
            order_id="o1",
            engineer_id="kr-11-1",
            engineer_name="김민준 Kim Minjun",
            region="KR-11",
            round=1,
            reason="fewest visits that day (0) in KR-11",
            assigned_at=outcome.assignment.assigned_at,
            by="system",
            visit=outcome.assignment.visit,
        ),
        region="KR-11",
        round=1,
    )
    assert await store.assignment("o1") == outcome.assignment


async def test_the_engineer_with_the_fewest_open_assignments_is_chosen_and_of_several_the_first(
    store: ManagementCenterStore,
) -> None:
    for number in range(5):
        await store.assign_engineer(asking(f"o{number}"))
    assert [await engineer_of(store, f"o{number}") for number in range(5)] == [
        f"kr-11-{engineer}" for engineer in (1, 2, 3, 1, 2)
    ]
    await store.close_assignment(CloseAssignment("o0"))
    await store.close_assignment(CloseAssignment("o3"))
    await store.assign_engineer(asking("o5"))
    assert await engineer_of(store, "o5") == "kr-11-1"


async def test_the_same_round_again_gets_the_same_answer(store: ManagementCenterStore) -> None:
    first = await store.assign_engineer(asking())
    await store.change_engineer("kr-11-1", name="Renamed", active=False)
    assert await store.assign_engineer(asking()) == first
    assert await store.assign_engineer(naming("kr-11-2")) == first


async def test_a_later_round_ends_the_earlier(store: ManagementCenterStore) -> None:
    await store.assign_engineer(asking(round_=1))
    second = await store.assign_engineer(asking("o1", 2, SEOUL, "kr-11-1"))
    assert second.assignment is not None
    assert (second.assignment.engineer_id, second.assignment.round) == ("kr-11-2", 2)
    assert await store.assign_engineer(asking(round_=1)) == refused(AssignmentRefusal.SUPERSEDED, "KR-11", 2)
    assert await store.assignment("o1") == second.assignment
    # The first engineer is free again.
    await store.assign_engineer(asking("o2"))
    assert await engineer_of(store, "o2") == "kr-11-1"


async def test_an_order_does_not_count_against_the_engineer_that_it_has(store: ManagementCenterStore) -> None:
    await store.assign_engineer(asking(round_=1))
    again = await store.assign_engineer(asking(round_=2))
    assert again.assignment is not None
    assert again.assignment.engineer_id == "kr-11-1"


async def test_once_everybody_is_passed_over_nobody_is_assigned_any_more(store: ManagementCenterStore) -> None:
    everybody = ("kr-11-1", "kr-11-2", "kr-11-3")
    await store.assign_engineer(asking(round_=1))
    nobody = refused(AssignmentRefusal.NO_ENGINEER, "KR-11", 2)
    assert await store.assign_engineer(asking("o1", 2, SEOUL, *everybody)) == nobody
    assert await engineer_of(store) is None
    await store.assign_engineer(asking("o2"))
    assert await engineer_of(store, "o2") == "kr-11-1"
    # Neither does a late try of the round find somebody who has come in between.
    await store.create_engineer(name="New", region="KR-11")
    assert await store.assign_engineer(asking("o1", 2, SEOUL, *everybody)) == nobody


async def test_an_address_of_nowhere_is_nobodys(store: ManagementCenterStore) -> None:
    nobody = refused(AssignmentRefusal.NO_SERVICE_AREA, None, 1)
    assert await store.assign_engineer(asking("o1", 1, NOWHERE)) == nobody
    await store.create_service_area(region="JP-13", name="Tokyo", local_name="東京", matches=["Tokyo"])
    assert await store.assign_engineer(asking("o1", 1, NOWHERE)) == nobody
    assert await store.assign_engineer(asking("o1", 2, NOWHERE)) == refused(AssignmentRefusal.NO_ENGINEER, "JP-13", 2)


async def test_a_manager_may_name_anybody_who_is_active(store: ManagementCenterStore) -> None:
    await store.assign_engineer(asking(round_=1))
    outcome = await store.assign_engineer(naming("kr-49-2", round_=2))
    assert outcome.assignment is not None
    assert (outcome.region, outcome.round) == ("KR-11", 2)
    assert outcome.assignment == Assignment(
        order_id="o1",
        engineer_id="kr-49-2",
        engineer_name="방예린 Bang Yerin",
        region="KR-11",
        round=2,
        reason="assigned by manager:m1",
        assigned_at=outcome.assignment.assigned_at,
        by="manager:m1",
        visit=outcome.assignment.visit,
    )


async def test_an_address_of_nowhere_is_in_the_region_of_the_engineer_that_a_manager_names(
    store: ManagementCenterStore,
) -> None:
    await store.assign_engineer(asking("o1", 1, NOWHERE))
    outcome = await store.assign_engineer(naming("kr-26-1", round_=2, address=NOWHERE))
    assert outcome.assignment is not None
    assert (outcome.region, outcome.assignment.region) == (None, "KR-26")
    assert await store.assign_engineer(naming("kr-26-1", round_=2, address=NOWHERE)) == outcome


async def test_a_manager_may_name_somebody_in_a_round_that_found_nobody(store: ManagementCenterStore) -> None:
    await store.assign_engineer(asking("o1", 1, NOWHERE))
    outcome = await store.assign_engineer(naming("kr-26-1", address=NOWHERE))
    assert outcome.assignment is not None
    assert await store.assign_engineer(asking("o1", 1, NOWHERE)) == outcome


@pytest.mark.parametrize("why", ["unknown", "inactive", "retired"])
async def test_an_engineer_who_cannot_be_had_changes_nothing(store: ManagementCenterStore, why: str) -> None:
    engineer_id = "nobody" if why == "unknown" else "kr-11-3"
    if why == "inactive":
        await store.change_engineer(engineer_id, active=False)
    elif why == "retired":
        await store.retire_engineer(engineer_id)
    in_force = (await store.assign_engineer(asking(round_=1))).assignment
    unavailable = refused(AssignmentRefusal.ENGINEER_UNAVAILABLE, "KR-11", 2)
    assert await store.assign_engineer(naming(engineer_id, round_=2)) == unavailable
    assert await store.assignment("o1") == in_force
    if why == "inactive":
        await store.change_engineer(engineer_id, active=True)
        assert await store.assign_engineer(naming(engineer_id, round_=2)) == unavailable
        assert (await store.assign_engineer(naming(engineer_id, round_=3))).assignment is not None


async def test_an_order_may_begin_with_an_engineer_who_cannot_be_had(store: ManagementCenterStore) -> None:
    unavailable = refused(AssignmentRefusal.ENGINEER_UNAVAILABLE, "KR-11", 1)
    assert await store.assign_engineer(naming("nobody")) == unavailable
    assert await engineer_of(store) is None
    assert (await store.assign_engineer(asking(round_=2))).assignment is not None


async def test_neither_the_inactive_nor_the_retired_are_assigned(store: ManagementCenterStore) -> None:
    await store.change_engineer("kr-11-1", active=False)
    await store.retire_engineer("kr-11-2")
    for number in range(3):
        await store.assign_engineer(asking(f"o{number}"))
        assert await engineer_of(store, f"o{number}") == "kr-11-3"


async def test_an_ended_order_frees_its_engineer_and_gets_no_other(store: ManagementCenterStore) -> None:
    assigned = (await store.assign_engineer(asking())).assignment
    await store.close_assignment(CloseAssignment("o1"))
    await store.close_assignment(CloseAssignment("o1"))
    closed = refused(AssignmentRefusal.CLOSED, "KR-11", 1)
    assert await store.assign_engineer(asking(round_=1)) == closed
    assert await store.assign_engineer(asking(round_=2)) == closed
    assert await store.assign_engineer(naming("kr-11-2", round_=2)) == closed
    assert await store.assignment("o1") == assigned
    await store.assign_engineer(asking("o2"))
    assert await engineer_of(store, "o2") == "kr-11-1"


async def test_an_order_that_ended_before_it_was_assigned_stays_so(store: ManagementCenterStore) -> None:
    await store.close_assignment(CloseAssignment("o1"))
    await store.close_assignment(CloseAssignment("o1"))
    assert await store.assign_engineer(asking()) == refused(AssignmentRefusal.CLOSED, "KR-11", 0)
    assert await engineer_of(store) is None


async def test_an_engineers_name_stays_in_their_assignments_when_they_retire(store: ManagementCenterStore) -> None:
    assigned = (await store.assign_engineer(asking())).assignment
    await store.retire_engineer("kr-11-1")
    assert await store.assignment("o1") == assigned


async def test_concurrent_orders_are_shared_out_evenly(connect: Connect) -> None:
    stores = [ManagementCenterStore(connect(pool_size=4), now=lambda: NOON) for _ in range(4)]
    orders = [f"o{number}" for number in range(50)]
    outcomes = await asyncio.gather(
        *(stores[number % 4].assign_engineer(asking(order)) for number, order in enumerate(orders * 2))
    )
    assert outcomes[:50] == outcomes[50:]
    chosen = Counter(outcome.assignment.engineer_id for outcome in outcomes[:50] if outcome.assignment)
    assert chosen.total() == 50
    assert sorted(chosen.values()) == [16, 17, 17]


async def test_concurrent_rounds_of_an_order_end_with_the_highest(connect: Connect) -> None:
    stores = [ManagementCenterStore(connect(pool_size=4)) for _ in range(3)]
    for number in range(8):
        order_id = f"o{number}"
        rounds = [(round_, stores[round_ % 3]) for round_ in (3, 1, 2, 3, 1, 2)]
        outcomes = await asyncio.gather(*(store.assign_engineer(asking(order_id, round_)) for round_, store in rounds))
        in_force = await stores[0].assignment(order_id)
        assert in_force.round == 3
        assert [outcome.assignment for outcome in outcomes if outcome.round == 3 and outcome.assignment] == [
            in_force,
            in_force,
        ]


async def test_whatever_assignment_and_end_race_nothing_stays_open(connect: Connect) -> None:
    stores = [ManagementCenterStore(connect(pool_size=4)) for _ in range(2)]
    orders = [f"o{number}" for number in range(20)]
    await asyncio.gather(
        *(stores[0].assign_engineer(asking(order)) for order in orders),
        *(stores[1].close_assignment(CloseAssignment(order)) for order in orders),
    )
    for order in orders:
        assert (await stores[0].assign_engineer(asking(order, 2))).refusal is AssignmentRefusal.CLOSED
    free = (await stores[0].assign_engineer(asking("last"))).assignment
    assert free is not None
    assert free.reason == "fewest visits that day (0) in KR-11"


async def test_an_outcome_is_not_shared_between_orders(store: ManagementCenterStore) -> None:
    first = (await store.assign_engineer(asking("o1"))).assignment
    second = (await store.assign_engineer(asking("o2", 7, "부산 해운대구"))).assignment
    assert first is not None
    assert second is not None
    assert await store.assignment("o1") == replace(first)
    assert (second.region, second.round) == ("KR-26", 7)
