import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from api.orders.client import OrderWorkflowClient
from domain.common.errors import EngineerUnavailable
from domain.management_center.assignments import ManualAssignment
from domain.orders import OrderStatus
from domain.visits import VisitGrid
from runtime.settings import Settings
from tests.api.problems import assert_problem
from tests.api.service import NOWHERE, Service, but, serving, window
from tests.eventually import soon

UNKNOWN = "0" * 32
ENGINEERS, SLOTS = "/managementCenters/engineers", "/managementCenters/slots"


async def test_an_order_in_a_new_area_goes_to_its_engineer_and_the_assignment_says_why(service: Service) -> None:
    engineer_id = await service.hire()
    await service.work()
    order_id = await service.requested(installationAddress="달 1번지", preferredVisit=window())

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
        "visit": {"start": window(), "end": window(11)},
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

    assert [answer.status_code for answer in answers] == [200] * 5, [answer.text for answer in answers]
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
        await service.app.state.services.get(OrderWorkflowClient).assign(order_id, ManualAssignment("kr-11-2"))
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
            await service.http.get(f"{SLOTS}?address=Seoul"),
            await service.http.post(ENGINEERS, json={"name": "a", "region": "KR-11"}),
            await assign(service, UNKNOWN, "kr-11-2"),
        ):
            assert_problem(answer, 503, "no-answer-in-time")


async def test_the_windows_that_are_free_are_offered_and_one_that_is_booked_is_not(service: Service) -> None:
    await service.hire()
    await service.work()
    await service.requested(installationAddress="달 1", preferredVisit=window(11))
    day = f"{datetime.fromisoformat(window()).astimezone(VisitGrid().zone):%F}"

    answers = [
        await service.http.get(f"{SLOTS}?address=Moon&from={begin}&to={end}")
        for begin, end in (
            (window(), window(15)),
            (day, window(15).replace("Z", "+00:00")),
            (day, window(15).replace("Z", "%2B00:00")),
        )
    ]

    assert {answer.text for answer in answers} == {answers[0].text}
    assert answers[0].json() == {
        "items": [{"start": window(hour), "end": window(hour + 2), "free": 1} for hour in (9, 13)],
        "nextCursor": None,
        "region": "KR-99",
        "regionName": "Moon",
        "regionLocalName": "달",
        "reason": None,
        "regions": [],
    }


async def test_slots_are_of_those_who_have_the_skills_and_of_two_weeks_as_it_comes(service: Service) -> None:
    await service.hire(skills=["fibre"])
    await service.http.post("/managementCenters/products", json={"productId": "tv", "skills": ["dish"]})

    anything, television, elsewhere = [
        (await service.http.get(SLOTS, params=params)).json()["items"]
        for params in ({"address": "Moon"}, {"address": "Moon", "productId": "tv"}, {"address": "Atlantis"})
    ]

    assert (television, elsewhere) == ([], [])
    starts = [datetime.fromisoformat(slot["start"]) for slot in anything]
    assert starts == sorted(starts)
    assert timedelta(days=10) < starts[-1] - starts[0] < timedelta(days=13)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "address=",
        "address=" + "a" * 501,
        "address=Seoul&from=tomorrow",
        "address=Seoul&from=2030-02-30",
        "address=Seoul&to=2020-01-01",
        "address=Seoul&from=2030-01-02&to=2030-01-01",
        "address=Seoul&from=2030-01-02T00:00:01Z&to=2030-01-02T00:00:00Z",
        "address=Seoul&from=2030-01-01&to=2030-03-05",
        "address=Seoul&from=9999-12-31",
        "address=Seoul&productId=%00",
    ],
)
async def test_a_bad_query_for_slots_is_malformed(service: Service, query: str) -> None:
    assert_problem(await service.http.get(f"{SLOTS}?{query}"), 400, "malformed-request")


async def assign(service: Service, order_id: str, engineer_id: str) -> Any:
    return await service.http.put(f"/managementCenters/assignments/{order_id}", json={"engineerId": engineer_id})


async def has_engineer(service: Service, order_id: str, *engineer_ids: str) -> bool:
    """Return whether the newest installation is requested from one of these engineers."""
    installation = (await service.http.get(f"/installations/{order_id}")).json()
    return installation["engineerId"] in engineer_ids and installation["status"] == "REQUESTED"
