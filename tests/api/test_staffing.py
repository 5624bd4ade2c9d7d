"""Service areas, engineers, calendars and products, and the dispatch after their changes."""

from typing import Any
from unittest.mock import Mock
from urllib.parse import quote

import pytest

from runtime.dispatch_watch import DispatchWatch
from runtime.settings import Settings
from tests.api.problems import assert_problem
from tests.api.service import MOON, NOWHERE, Service, but, serving

AREAS, ENGINEERS = "/managementCenters/serviceAreas", "/managementCenters/engineers"
DAYS_OFF, SHIFTS = "/managementCenters/daysOff", "/managementCenters/extraShifts"
PRODUCTS = "/managementCenters/products"
ENGINEER = {
    "name": "김하나",
    "region": "KR-99",
    "active": True,
    "skills": ["TV 설치", "fibre"],
    "workingDays": ["SUN"],
    "workingHours": {"from": "08:00", "until": "12:30"},
    "visitsPerWindow": 2,
}
CALENDAR = {
    "skills": [],
    "workingDays": ["MON", "TUE", "WED", "THU", "FRI", "SAT"],
    "workingHours": {"from": "09:00", "until": "18:00"},
    "visitsPerWindow": None,
}
MORNING = {"from": "09:00", "until": "13:00"}
HOLIDAY = {"region": "KR-99", "from": "2030-12-24", "to": "2031-01-01", "reason": "성탄절"}
SHIFT = HOLIDAY | {"hours": MORNING}
PRODUCT = {
    "productId": "fibre/1 000?",
    "name": "Internet",
    "localName": "인터넷",
    "orderable": False,
    "skills": ["fibre"],
}
EXAMPLES = ((AREAS, MOON), (ENGINEERS, ENGINEER), (DAYS_OFF, HOLIDAY), (SHIFTS, SHIFT), (PRODUCTS, PRODUCT))
"""A body for each collection."""


@pytest.mark.parametrize(
    ("collection", "id_name", "body", "change"),
    [
        (AREAS, "serviceAreaId", MOON, {"matches": ["Luna"]}),
        (ENGINEERS, "engineerId", ENGINEER, {"active": False}),
        (ENGINEERS, "engineerId", ENGINEER, CALENDAR),
        (DAYS_OFF, "dayOffId", HOLIDAY | {"engineerId": None, "hours": None}, None),
        (DAYS_OFF, "dayOffId", HOLIDAY | {"engineerId": None, "hours": MORNING}, None),
        (SHIFTS, "extraShiftId", HOLIDAY | {"engineerId": None, "hours": None}, None),
        (SHIFTS, "extraShiftId", SHIFT | {"engineerId": "kr-11-1", "region": None}, None),
        (PRODUCTS, "productId", PRODUCT, {"skills": []}),
        (PRODUCTS, "productId", PRODUCT, {"name": None, "localName": "기가 인터넷", "orderable": True}),
    ],
)
async def test_staff_is_created_read_changed_and_retired(
    service: Service, collection: str, id_name: str, body: dict[str, Any], change: dict[str, Any] | None
) -> None:
    created = await service.http.post(collection, json=body | {"unknown": 1})
    place = created.headers["Location"]

    assert (created.status_code, place) == (201, f"{collection}/{quote(created.json()[id_name], safe='')}")
    assert created.json() == {id_name: created.json()[id_name]} | body
    assert (await service.http.get(place)).json() == created.json()
    assert created.json() in (await service.http.get(collection, params={"limit": 200})).json()["items"]
    if change is not None:
        changed = await service.http.patch(place, json=change)
        assert (changed.status_code, changed.json()) == (200, created.json() | change)
        assert (await service.http.patch(place, json={})).json() == changed.json()
    retired = await service.http.delete(place)
    assert (retired.status_code, retired.content) == (204, b"")
    for again in (service.http.get(place), service.http.delete(place)):
        assert_problem(await again, 404, "not-found")
    if change is not None:
        assert_problem(await service.http.patch(place, json=change), 404, "not-found")


async def test_an_engineer_is_active_in_the_usual_hours_unless_said_otherwise(service: Service) -> None:
    created = (await service.http.post(ENGINEERS, json={"name": "a", "region": "KR-11"})).json()

    assert created == {"engineerId": created["engineerId"], "name": "a", "region": "KR-11", "active": True} | CALENDAR


def sent(service: Service, collection: str, key: str, body: dict[str, Any]) -> Any:
    """Send a request with a key."""
    return service.http.post(collection, json=body, headers={"Idempotency-Key": key})


@pytest.mark.parametrize(
    ("collection", "body", "other"),
    [
        (ENGINEERS, ENGINEER, {"name": "이하나"}),
        (AREAS, MOON, {"matches": ["Mars"]}),
        (DAYS_OFF, HOLIDAY, {"reason": None}),
        (SHIFTS, SHIFT, {"reason": None}),
    ],
)
async def test_a_repeated_request_adds_once(
    service: Service, collection: str, body: dict[str, Any], other: dict[str, Any]
) -> None:
    first = await sent(service, collection, "one", body)
    again = await sent(service, collection, "one", body | {"productId": "ignored"})

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert "Location" not in again.headers
    assert again.json() == first.json()
    assert_problem(await sent(service, collection, "one", body | other), 422, "idempotency-key-reused")
    assert_problem(await sent(service, collection, "one two", body), 400, "malformed-request")
    assert (await sent(service, collection, "two", body)).status_code == 201


@pytest.mark.parametrize(("collection", "body"), [(ENGINEERS, ENGINEER), (AREAS, MOON)])
async def test_a_repeated_request_is_answered_with_what_was_changed_and_not_with_what_is_gone(
    service: Service, collection: str, body: dict[str, Any]
) -> None:
    path = (await sent(service, collection, "one", body)).headers["Location"]

    changed = await service.http.patch(path, json={"name": "Far side"})
    assert (await sent(service, collection, "one", body)).json() == changed.json()
    await service.http.delete(path)
    assert_problem(await sent(service, collection, "one", body), 404, "not-found")


@pytest.mark.parametrize(("collection", "body"), [(DAYS_OFF, HOLIDAY), (SHIFTS, SHIFT)])
async def test_an_entry_of_a_calendar_that_was_removed_is_added_again(
    service: Service, collection: str, body: dict[str, Any]
) -> None:
    first, *_ = [await sent(service, collection, key, body) for key in ("one", "one", "two")]

    assert len((await service.http.get(collection)).json()["items"]) == 2
    await service.http.delete(first.headers["Location"])
    assert (await sent(service, collection, "one", body)).status_code == 201


async def test_a_skill_is_had_once(service: Service) -> None:
    created = await service.http.post(ENGINEERS, json=ENGINEER | {"skills": ["b", "a", "b"]})

    assert sorted(created.json()["skills"]) == ["a", "b"]


async def test_a_product_of_which_something_is_said_already_is_not_created_again(service: Service) -> None:
    first = await service.http.post(PRODUCTS, json={"productId": 2001, "skills": ["fibre"]})
    again = await service.http.post(PRODUCTS, json={"productId": "2001", "skills": []})

    assert_problem(again, 409, "already-exists")
    assert (
        (await service.http.get(f"{PRODUCTS}/2001")).json()
        == first.json()
        == {
            "productId": "2001",
            "name": None,
            "localName": None,
            "orderable": True,
            "skills": ["fibre"],
        }
    )


@pytest.mark.parametrize("collection", [DAYS_OFF, SHIFTS])
async def test_entries_are_of_one_day_as_they_come_and_are_found_by_whose_they_are(
    service: Service, collection: str
) -> None:
    bodies = (HOLIDAY, HOLIDAY | {"region": "KR-98"}, {"engineerId": "kr-11-1", "from": "2030-01-02"})
    of_region, other, of_engineer = [(await service.http.post(collection, json=body)).json() for body in bodies]

    assert of_engineer | {"region": None, "to": "2030-01-02", "hours": None, "reason": None} == of_engineer
    for query, found in (("region=KR-99", of_region), ("engineerId=kr-11-1", of_engineer)):
        assert (await service.http.get(f"{collection}?{query}")).json()["items"] == [found]
    first = (await service.http.get(f"{collection}?limit=1")).json()
    rest = (await service.http.get(f"{collection}?cursor={first['nextCursor']}")).json()
    assert first["items"] == [of_engineer]
    assert sorted(one["region"] for one in rest["items"]) == [other["region"], of_region["region"]]


@pytest.mark.parametrize(
    ("collection", "body", "pointer"),
    [
        (AREAS, MOON | {"region": "Seoul"}, "/region"),
        (AREAS, MOON | {"name": ""}, "/name"),
        (AREAS, MOON | {"matches": []}, "/matches"),
        (AREAS, MOON | {"matches": ["a", "b\n"]}, "/matches/1"),
        (AREAS, MOON | {"matches": ["a"] * 101}, "/matches"),
        (ENGINEERS, ENGINEER | {"name": "a" * 201}, "/name"),
        (ENGINEERS, ENGINEER | {"active": "true"}, "/active"),
        (ENGINEERS, ENGINEER | {"active": None}, "/active"),
        (ENGINEERS, {"name": "a"}, "/region"),
        (ENGINEERS, ENGINEER | {"skills": ["a" * 51]}, "/skills/0"),
        (ENGINEERS, ENGINEER | {"skills": ["a\t"]}, "/skills/0"),
        (ENGINEERS, ENGINEER | {"skills": [str(number) for number in range(51)]}, "/skills"),
        (ENGINEERS, ENGINEER | {"workingDays": ["MON", "MON"]}, "/workingDays"),
        (ENGINEERS, ENGINEER | {"workingDays": ["월"]}, "/workingDays/0"),
        (ENGINEERS, ENGINEER | {"workingHours": {"from": "18:00", "until": "09:00"}}, "/workingHours"),
        (ENGINEERS, ENGINEER | {"workingHours": {"from": "09:00", "until": "24:00"}}, "/workingHours/until"),
        (ENGINEERS, ENGINEER | {"visitsPerWindow": 0}, "/visitsPerWindow"),
        (ENGINEERS, ENGINEER | {"visitsPerWindow": 101}, "/visitsPerWindow"),
        (DAYS_OFF, HOLIDAY | {"engineerId": "kr-11-1"}, "/region"),
        (DAYS_OFF, HOLIDAY | {"region": None}, "/region"),
        (DAYS_OFF, {"engineerId": "nobody", "from": "2030-01-01"}, "/engineerId"),
        (DAYS_OFF, HOLIDAY | {"from": "20301224"}, "/from"),
        (DAYS_OFF, HOLIDAY | {"from": "9999-12-31"}, "/from"),
        (DAYS_OFF, HOLIDAY | {"to": "2030-12-23"}, "/to"),
        (DAYS_OFF, HOLIDAY | {"to": "2031-12-25"}, "/to"),
        (DAYS_OFF, HOLIDAY | {"hours": {"from": "13:00", "until": "13:00"}}, "/hours"),
        (DAYS_OFF, HOLIDAY | {"hours": {"from": "13:00"}}, "/hours/until"),
        (DAYS_OFF, HOLIDAY | {"hours": "morning"}, "/hours"),
        (SHIFTS, SHIFT | {"engineerId": "kr-11-1"}, "/region"),
        (SHIFTS, SHIFT | {"region": None}, "/region"),
        (SHIFTS, {"engineerId": "nobody", "from": "2030-01-01"}, "/engineerId"),
        (SHIFTS, SHIFT | {"from": "2030-02-30"}, "/from"),
        (SHIFTS, SHIFT | {"to": "2030-12-23"}, "/to"),
        (SHIFTS, SHIFT | {"to": "2031-12-25"}, "/to"),
        (SHIFTS, SHIFT | {"hours": {"from": "13:00", "until": "09:00"}}, "/hours"),
        (SHIFTS, SHIFT | {"hours": {"from": "9:00", "until": "13:00"}}, "/hours/from"),
        (SHIFTS, SHIFT | {"reason": "a" * 201}, "/reason"),
        (PRODUCTS, PRODUCT | {"skills": None}, "/skills"),
        (PRODUCTS, PRODUCT | {"name": "a" * 201}, "/name"),
        (PRODUCTS, PRODUCT | {"localName": "\u202e인터넷"}, "/localName"),
        (PRODUCTS, PRODUCT | {"orderable": None}, "/orderable"),
        (PRODUCTS, PRODUCT | {"productId": ""}, "/productId"),
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
        (f"{ENGINEERS}/kr-11-1", ["skills", "workingDays", "workingHours", "name", "region", "active"]),
    ],
)
async def test_no_other_member_can_be_changed_to_null(service: Service, place: str, members: list[str]) -> None:
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
    "query",
    [
        f"{AREAS}?limit=0",
        f"{AREAS}?cursor=x",
        f"{ENGINEERS}?region=Seoul",
        f"{ENGINEERS}?active=maybe",
        f"{DAYS_OFF}?engineerId=a%20b",
        f"{SHIFTS}?engineerId=a%20b",
        f"{SHIFTS}?cursor=x",
        f"{PRODUCTS}?cursor=x",
    ],
)
async def test_a_bad_query_parameter_is_malformed(service: Service, query: str) -> None:
    assert_problem(await service.http.get(query), 400, "malformed-request")


async def test_without_the_store_there_is_no_answer(settings: Settings) -> None:
    async with serving(but(settings, management_center_database_url=NOWHERE)) as service:
        for collection, body in EXAMPLES:
            assert_problem(await service.http.get(collection), 503, "no-answer-in-time")
            assert_problem(await service.http.post(collection, json=body), 503, "no-answer-in-time")


async def test_the_dispatcher_is_told_of_what_was_changed_and_of_nothing_else(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Mock()
    monkeypatch.setattr(DispatchWatch, "changed", told)
    for collection, body in EXAMPLES:
        told.reset_mock()
        place = (await service.http.post(collection, json=body)).headers["Location"]
        assert told.call_count == 1
        if collection not in (DAYS_OFF, SHIFTS):
            await service.http.patch(place, json={"skills": []})
            assert told.call_count == 2
        await service.http.get(place)
        await service.http.get(collection)
        await service.http.post(collection, json={})
        before = told.call_count
        await service.http.delete(place)
        await service.http.delete(place)
        assert told.call_count == before + 1


async def test_an_order_that_nobody_could_take_goes_on_when_somebody_is_hired(service: Service) -> None:
    await service.work()
    await service.http.post(AREAS, json=MOON)
    order_id = await service.order(installationAddress="달 1번지")
    await service.until(order_id, "AWAITING_ENGINEER")

    await service.http.post(ENGINEERS, json={"name": "김하나", "region": "KR-99"})

    assert (await service.until(order_id, "INSTALLATION_REQUESTED"))["engineerName"] == "김하나"
