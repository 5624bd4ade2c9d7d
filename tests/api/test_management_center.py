import asyncio
from typing import Any

import pytest

from domain.errors import EngineerUnavailable
from domain.management_center import ManualAssignment
from domain.orders import OrderStatus
from settings import Settings
from tests.api.problems import assert_problem
from tests.api.service import NOWHERE, Service, but, serving
from tests.eventually import soon

UNKNOWN = "0" * 32
AREAS, ENGINEERS = "/managementCenters/serviceAreas", "/managementCenters/engineers"
AREA = {"region": "KR-99", "name": "Moon", "localName": "달", "matches": ["Moon", "달"]}
ENGINEER = {"name": "김하나", "region": "KR-99", "active": True}


@pytest.mark.parametrize(
    ("collection", "id_name", "body", "change"),
    [
        (AREAS, "serviceAreaId", AREA, {"matches": ["Luna"]}),
        (ENGINEERS, "engineerId", ENGINEER, {"active": False}),
    ],
)
async def test_service_areas_and_engineers_are_created_read_changed_and_retired(
    service: Service, collection: str, id_name: str, body: dict[str, Any], change: dict[str, Any]
) -> None:
    created = await service.http.post(collection, json=body | {"unknown": 1})
    place = created.headers["Location"]

    assert (created.status_code, place) == (201, f"{collection}/{created.json()[id_name]}")
    assert created.json() == body | {id_name: created.json()[id_name]}
    assert (await service.http.get(place)).json() == created.json()
    changed = await service.http.patch(place, json=change)
    assert (changed.status_code, changed.json()) == (200, created.json() | change)
    assert (await service.http.patch(place, json={})).json() == changed.json()
    retired = await service.http.delete(place)
    assert (retired.status_code, retired.content) == (204, b"")
    for again in (service.http.get(place), service.http.patch(place, json=change), service.http.delete(place)):
        assert_problem(await again, 404, "not-found")


async def test_an_engineer_is_active_unless_said_otherwise(service: Service) -> None:
    created = await service.http.post(ENGINEERS, json={"name": "a", "region": "KR-11"})

    assert created.json()["active"] is True


@pytest.mark.parametrize(
    ("collection", "body", "pointer"),
    [
        (AREAS, AREA | {"region": "Seoul"}, "/region"),
        (AREAS, AREA | {"name": ""}, "/name"),
        (AREAS, AREA | {"matches": []}, "/matches"),
        (AREAS, AREA | {"matches": ["a", "b\n"]}, "/matches/1"),
        (AREAS, AREA | {"matches": ["a"] * 101}, "/matches"),
        (ENGINEERS, ENGINEER | {"name": "a" * 201}, "/name"),
        (ENGINEERS, ENGINEER | {"active": "true"}, "/active"),
        (ENGINEERS, ENGINEER | {"active": None}, "/active"),
        (ENGINEERS, {"name": "a"}, "/region"),
    ],
)
async def test_an_invalid_member_is_named(
    service: Service, collection: str, body: dict[str, Any], pointer: str
) -> None:
    answer = await service.http.post(collection, json=body)

    assert [error["pointer"] for error in assert_problem(answer, 422, "invalid-input")["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("place", "members"),
    [
        (f"{AREAS}/kr-11", ["region", "name", "localName", "matches"]),
        (f"{ENGINEERS}/kr-11-1", ["name", "region", "active"]),
    ],
)
async def test_no_member_can_be_changed_to_null(service: Service, place: str, members: list[str]) -> None:
    before = (await service.http.get(place)).json()

    answer = await service.http.patch(place, json=dict.fromkeys(members))

    errors = assert_problem(answer, 422, "invalid-input")["errors"]
    assert [error["pointer"] for error in errors] == [f"/{member}" for member in members]
    assert (await service.http.get(place)).json() == before


async def test_lists_come_in_pages_and_by_region_and_activity(service: Service) -> None:
    for active in (True, False):
        await service.http.post(ENGINEERS, json=ENGINEER | {"active": active})

    async def names(**query: str) -> list[str]:
        return [one["name"] for one in (await service.http.get(ENGINEERS, params=query)).json()["items"]]

    assert await names(region="KR-99") == ["김하나", "김하나"]
    assert await names(region="KR-99", active="true") == ["김하나"]
    first = (await service.http.get(AREAS, params={"limit": 10})).json()
    rest = (await service.http.get(AREAS, params={"limit": 10, "cursor": first["nextCursor"]})).json()
    assert (len(first["items"]), len(rest["items"]), rest["nextCursor"]) == (10, 7, None)


@pytest.mark.parametrize(
    "query", [f"{AREAS}?limit=0", f"{AREAS}?cursor=x", f"{ENGINEERS}?region=Seoul", f"{ENGINEERS}?active=maybe"]
)
async def test_a_bad_query_parameter_is_malformed(service: Service, query: str) -> None:
    assert_problem(await service.http.get(query), 400, "malformed-request")


async def test_an_order_in_a_new_area_goes_to_its_engineer_and_the_assignment_says_why(service: Service) -> None:
    await service.http.post(AREAS, json=AREA)
    engineer_id = (await service.http.post(ENGINEERS, json=ENGINEER)).json()["engineerId"]
    await service.work()
    order_id = await service.requested(installationAddress="달 1번지")

    assignment = (await service.http.get(f"/managementCenters/assignments/{order_id}")).json()

    assert assignment.pop("assignedAt").endswith("Z")
    assert "KR-99" in assignment.pop("reason")
    assert assignment == {
        "orderId": order_id,
        "engineerId": engineer_id,
        "engineerName": "김하나",
        "region": "KR-99",
        "round": 1,
        "by": "system",
    }


async def test_a_manager_gives_an_order_that_waits_to_an_engineer(service: Service) -> None:
    await service.work()
    order_id = await service.order(installationAddress="nowhere at all")
    await service.until(order_id, "AWAITING_ENGINEER")
    assert_problem(await service.http.get(f"/managementCenters/assignments/{order_id}"), 404, "not-found")

    answer = await assign(service, order_id, "kr-11-2")

    assert (answer.status_code, answer.json()["engineerId"]) == (200, "kr-11-2")
    assert answer.json()["by"].startswith("manager:")
    await service.until(order_id, "INSTALLATION_REQUESTED")
    assert (await service.http.get(f"/managementCenters/assignments/{order_id}")).json() == answer.json()


async def test_assigning_again_is_the_same_assignment_and_to_another_is_another(service: Service) -> None:
    await service.work()
    order_id = await service.requested()

    first, again = await assign(service, order_id, "kr-11-2"), await assign(service, order_id, "kr-11-2")
    another = await assign(service, order_id, "kr-11-3")
    back = await assign(service, order_id, "kr-11-2")

    assert first.json() == again.json()
    assert [answer.status_code for answer in (first, again, another, back)] == [200] * 4
    assert [answer.json()["engineerId"] for answer in (first, another, back)] == ["kr-11-2", "kr-11-3", "kr-11-2"]
    assert first.json()["round"] < another.json()["round"] < back.json()["round"]


async def test_the_same_assignment_at_the_same_time_is_one(service: Service) -> None:
    await service.work()
    order_id = await service.requested()

    answers = await asyncio.gather(*(assign(service, order_id, "kr-11-3") for _ in range(5)))

    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.json()["round"] for answer in answers}) == 1


async def test_an_engineer_who_declined_can_be_given_the_order_again(service: Service) -> None:
    await service.work()
    order_id = await service.requested()
    assert (await assign(service, order_id, "kr-11-2")).status_code == 200
    await soon(lambda: has_engineer(service, order_id, "kr-11-2"))
    assert (await service.act(order_id, "decline", engineerId="kr-11-2")).status_code == 200
    await soon(lambda: has_engineer(service, order_id, "kr-11-1", "kr-11-3"))

    answer = await assign(service, order_id, "kr-11-2")

    assert (answer.status_code, answer.json()["engineerId"]) == (200, "kr-11-2")
    await soon(lambda: has_engineer(service, order_id, "kr-11-2"))


async def test_who_lost_an_order_to_another_can_do_nothing_about_it(service: Service) -> None:
    await service.work()
    order_id = await service.requested()
    assert (await service.act(order_id, "accept", engineerId="kr-11-1")).status_code == 200
    assert (await assign(service, order_id, "kr-11-2")).status_code == 200
    await soon(lambda: has_engineer(service, order_id, "kr-11-2"))

    for act in ("accept", "decline", "complete"):
        assert_problem(await service.act(order_id, act, engineerId="kr-11-1"), 409, "illegal-transition")


async def test_an_engineer_who_cannot_be_had_is_refused(service: Service) -> None:
    await service.work()
    order_id = await service.requested()
    await service.http.patch(f"{ENGINEERS}/kr-11-2", json={"active": False})
    await service.http.delete(f"{ENGINEERS}/kr-11-3")

    for engineer_id in ("kr-11-2", "kr-11-3", "nobody"):
        assert_problem(await assign(service, order_id, engineer_id), 409, "engineer-unavailable")
    assert (await service.http.get(f"/managementCenters/assignments/{order_id}")).json()["engineerId"] == "kr-11-1"


async def test_a_refusal_does_not_outlive_its_cause(service: Service) -> None:
    await service.work()
    order_id = await service.requested()
    await service.http.patch(f"{ENGINEERS}/kr-11-2", json={"active": False})
    with pytest.raises(EngineerUnavailable):
        await service.app.state.services.subscriptions.assign(order_id, ManualAssignment("kr-11-2"))
    await service.http.patch(f"{ENGINEERS}/kr-11-2", json={"active": True})

    assert (await assign(service, order_id, "kr-11-2")).status_code == 200


async def test_an_order_that_has_ended_is_given_to_nobody(service: Service) -> None:
    await service.work()
    completed = await service.completed()
    canceled = await service.requested()
    await service.http.post(f"/orders/{canceled}/cancel")

    for order_id in (completed, canceled, await service.forgotten(OrderStatus.JOIN_COMPLETED)):
        assert_problem(await assign(service, order_id, "kr-11-2"), 409, "illegal-transition")


async def test_an_unknown_order_is_given_to_nobody(service: Service) -> None:
    assert_problem(await assign(service, UNKNOWN, "kr-11-2"), 404, "not-found")
    assert_problem(await service.http.get(f"/managementCenters/assignments/{UNKNOWN}"), 404, "not-found")


async def test_without_a_worker_the_manager_is_told_to_try_again(service: Service) -> None:
    order_id = await service.order()

    assert_problem(await assign(service, order_id, "kr-11-2"), 503, "no-answer-in-time")


async def test_while_temporal_cannot_be_reached_the_manager_is_told_so(
    service: Service, settings: Settings, free_port: int
) -> None:
    order_id = await service.order()
    await service.until(order_id, "JOIN_ORDERED")

    async with serving(but(settings, temporal_port=free_port)) as cut_off:
        assert_problem(await assign(cut_off, order_id, "kr-11-2"), 503, "temporal-unavailable")


async def test_without_the_store_there_is_no_answer(settings: Settings) -> None:
    async with serving(but(settings, management_center_database_url=NOWHERE)) as service:
        for answer in (
            await service.http.get(AREAS),
            await service.http.post(ENGINEERS, json=ENGINEER),
            await assign(service, UNKNOWN, "kr-11-2"),
        ):
            assert_problem(answer, 503, "no-answer-in-time")


async def assign(service: Service, order_id: str, engineer_id: str) -> Any:
    return await service.http.put(f"/managementCenters/assignments/{order_id}", json={"engineerId": engineer_id})


async def has_engineer(service: Service, order_id: str, *engineer_ids: str) -> bool:
    """The newest installation is asked of one of them."""
    installation = (await service.http.get(f"/installations/{order_id}")).json()
    return installation["engineerId"] in engineer_ids and installation["status"] == "REQUESTED"
