"""Rescheduling an order, and acknowledging that it needs a person."""

from typing import Any

import pytest
from httpx2 import Response

from runtime.settings import Settings
from tests.api.problems import assert_problem
from tests.api.service import Service, but, serving, window

UNKNOWN = "0" * 32


async def reschedule(service: Service, order_id: str, start: str, **more: str) -> Response:
    return await service.http.post(f"/orders/{order_id}/reschedule", json={"preferredVisit": start, **more})


async def test_an_order_gets_another_window_with_the_same_engineer(service: Service) -> None:
    engineer_id = await service.hire()
    await service.work()
    order_id = await service.requested(installationAddress="달 1", preferredVisit=window())

    first, again = [await reschedule(service, order_id, window(13)) for _ in range(2)]

    assert (first.status_code, again.status_code) == (200, 200), (first.text, again.text)
    for order in (first.json(), again.json()):
        assert order["visit"] == {"start": window(13), "end": window(15)}
        assert order["engineerId"] == engineer_id
    by_manager = await reschedule(service, order_id, window(15), managerId="m7")
    events = [entry for entry in by_manager.json()["history"] if entry["event"] == "VisitRescheduled"]
    assert [event["by"] for event in events] == ["customer:1", "manager:m7"]
    assignment = (await service.http.get(f"/managementCenters/assignments/{order_id}")).json()
    assert assignment["visit"]["start"] == window(15)


async def test_a_window_that_is_not_free_is_refused_with_the_nearest_ones_until_it_is(service: Service) -> None:
    await service.hire()
    await service.work()
    before = await service.requested(installationAddress="달 1", preferredVisit=window(11))
    order_id = await service.requested(installationAddress="달 1", preferredVisit=window(15))

    refused = [await reschedule(service, order_id, window(11)) for _ in range(2)]

    for answer in refused:
        slots = assert_problem(answer, 409, "visit-unavailable")["slots"]
        assert {"start": window(9), "end": window(11), "free": 1} in slots
        assert {"start": window(13), "end": window(15), "free": 1} in slots
        assert window(11) not in [slot["start"] for slot in slots]
    assert (await service.http.get(f"/orders/{order_id}")).json()["visit"]["start"] == window(15)
    assert (await service.http.post(f"/orders/{before}/cancel")).status_code == 200
    assert (await reschedule(service, order_id, window(11))).status_code == 200


async def test_an_order_that_has_ended_or_is_unknown_is_not_rescheduled(service: Service) -> None:
    await service.work()
    completed, canceled = await service.completed(), await service.requested()
    await service.http.post(f"/orders/{canceled}/cancel")

    for order_id in (completed, canceled):
        assert_problem(await reschedule(service, order_id, window()), 409, "illegal-transition")
    assert_problem(await reschedule(service, UNKNOWN, window()), 404, "not-found")


async def test_without_a_worker_who_wants_something_is_told_to_try_again(service: Service) -> None:
    order_id = await service.order()

    assert_problem(await reschedule(service, order_id, window()), 503, "no-answer-in-time")
    assert_problem(await service.http.post(f"/orders/{order_id}/attention/acknowledge"), 503, "no-answer-in-time")


@pytest.mark.parametrize(
    "start",
    [None, "tomorrow", lambda: window().replace(":00:00Z", ":30:00Z"), lambda: window(days=370)],
    ids=["none", "a word", "half an hour later", "too far ahead"],
)
async def test_another_visit_begins_with_a_window(service: Service, start: Any) -> None:
    answer = await reschedule(service, UNKNOWN, start() if callable(start) else start)

    assert [error["pointer"] for error in assert_problem(answer, 422, "invalid-input")["errors"]] == ["/preferredVisit"]


async def test_managers_see_who_has_taken_on_what_a_person_is_asked_for(service: Service) -> None:
    await service.work()
    order_id, well = await service.order(installationAddress="nowhere at all"), await service.requested()
    await service.until(order_id, "AWAITING_ENGINEER")
    place = f"/orders/{order_id}/attention/acknowledge"

    first, again = [await service.http.post(place, json={"managerId": "lee"}) for _ in range(2)]
    another = await service.http.post(place)

    assert [answer.status_code for answer in (first, again, another)] == [200] * 3
    assert first.json()["attention"]["acknowledgedBy"] == "manager:lee"
    assert again.json()["attention"] == first.json()["attention"]
    assert another.json()["attention"]["acknowledgedBy"] == "manager:anonymous"
    assert another.json()["attention"]["since"] == first.json()["attention"]["since"]
    assert_problem(await service.http.post(place, json={"managerId": "a b"}), 422, "invalid-input")
    refused = await service.http.post(f"/orders/{well}/attention/acknowledge")
    assert_problem(refused, 409, "illegal-transition")
    assert_problem(await service.http.post(f"/orders/{UNKNOWN}/attention/acknowledge"), 404, "not-found")


async def test_an_order_is_rescheduled_as_often_as_it_may_be(settings: Settings) -> None:
    async with serving(but(settings, order_max_reschedules=1)) as service:
        await service.hire()
        await service.work()
        order_id = await service.requested(installationAddress="달 1", preferredVisit=window())

        answers = [await reschedule(service, order_id, start) for start in (window(13), window(13), window(15))]

        assert [answer.status_code for answer in answers] == [200, 200, 409]
        assert_problem(answers[-1], 409, "illegal-transition")
        assert (await service.http.post(f"/orders/{order_id}/cancel")).status_code == 200
