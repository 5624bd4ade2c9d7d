"""Free visit windows, by an address in a query or a body, and of an order: the same answer in all three ways."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from domain.visits import VisitGrid
from runtime.settings import Settings
from tests.api.issuer import Issuer
from tests.api.known import bearer
from tests.api.problems import assert_problem
from tests.api.service import NOWHERE, Service, but, serving, window
from tests.eventually import soon

SLOTS = "/managementCenters/slots"
SEOUL: dict[str, Any] = {
    "region": "KR-11",
    "regionName": "Seoul",
    "regionLocalName": "서울특별시",
    "reason": None,
    "regions": [],
}
NOBODYS: dict[str, Any] = {"region": None, "regionName": None, "regionLocalName": None, "regions": []}
JUNG_GU = ["KR-11", "KR-26", "KR-27", "KR-28", "KR-30", "KR-31"]


def day_of(start: str) -> date:
    return VisitGrid().day_of(datetime.fromisoformat(start))


async def asked(service: Service, address: str, **span: str) -> dict[str, Any]:
    """Ask by query and by body, which answer the same. Returns the answer without its windows' numbers."""
    by_query = await service.http.get(SLOTS, params={"address": address, **span})
    by_body = await service.http.post(SLOTS, json={"address": address, **span})
    assert (by_query.status_code, by_body.status_code) == (200, 200), (by_query.text, by_body.text)
    assert by_query.headers["content-type"] == by_body.headers["content-type"] == "application/json"
    if span:
        assert by_query.text == by_body.text
    found: dict[str, Any] = by_query.json()
    return found


async def starts(service: Service, **span: str) -> list[str]:
    return [slot["start"] for slot in (await asked(service, "Moon", **span))["items"]]


async def test_the_answer_says_in_which_region_the_address_is_or_why_that_is_not_known(service: Service) -> None:
    for address in ("강남구 테헤란로 152", "Jongno-gu", "서울 중구 세종대로 110"):
        found = await asked(service, address)
        assert found.pop("items")
        assert found == {"nextCursor": None, **SEOUL}, address

    nowhere, ambiguous = await asked(service, "Atlantis"), await asked(service, "중구 세종대로 110")

    assert nowhere == {"items": [], "nextCursor": None, **NOBODYS, "reason": "NO_SERVICE_AREA"}
    assert ambiguous == {
        "items": [],
        "nextCursor": None,
        **NOBODYS,
        "reason": "AMBIGUOUS_ADDRESS",
        "regions": JUNG_GU,
    }


async def test_a_day_is_included_at_both_ends_and_a_time_only_at_the_beginning(service: Service) -> None:
    await service.hire()
    first, later = window(), window(days=10)
    day, last = day_of(first), day_of(later)
    of_day = [window(hour) for hour in (9, 11, 13, 15)]
    of_last = [window(hour, days=10) for hour in (9, 11, 13, 15)]

    assert await starts(service, **{"from": f"{day}", "to": f"{day}"}) == of_day
    whole = await starts(service, **{"from": f"{day}", "to": f"{last}"})
    assert (whole[:4], whole[-4:]) == (of_day, of_last)
    assert await starts(service, **{"from": window(11), "to": f"{day}"}) == of_day[1:]
    assert await starts(service, **{"from": f"{day}", "to": window(15)}) == of_day[:3]
    assert await starts(service, **{"from": window(11), "to": window(11)}) == []


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2030-01-02", "2030-01-01"),
        ("2030-01-02T00:00:01Z", "2030-01-02T00:00:00Z"),
        ("2030-01-02T15:00:00Z", "2030-01-02"),  # the day ends then, in Seoul
        ("2030-01-02", "2030-01-01T14:59:59Z"),
        (None, "2020-01-01"),
        ("2030-01-01", "2030-03-04"),
    ],
)
async def test_a_span_that_ends_before_it_begins_or_is_too_long_is_refused(
    service: Service, start: str | None, end: str
) -> None:
    span = {"from": start, "to": end} if start else {"to": end}
    order_id = await service.order()

    assert_problem(await service.http.get(SLOTS, params={"address": "Seoul", **span}), 400, "malformed-request")
    assert_problem(await service.http.get(f"/orders/{order_id}/slots", params=span), 400, "malformed-request")
    problem = assert_problem(await service.http.post(SLOTS, json={"address": "Seoul", **span}), 422, "invalid-input")
    assert [error["pointer"] for error in problem["errors"]] == ["/to"]


async def test_62_days_are_not_too_long(service: Service) -> None:
    await asked(service, "Seoul", **{"from": "2030-01-01", "to": "2030-03-03"})


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/address"),
        ({"address": " "}, "/address"),
        ({"address": "a" * 501}, "/address"),
        ({"address": ["Seoul"]}, "/address"),
        ({"address": "Seoul\x00"}, "/address"),
        ({"address": "Seoul", "from": "tomorrow"}, "/from"),
        ({"address": "Seoul", "to": 20300101}, "/to"),
        ({"address": "Seoul", "productId": ""}, "/productId"),
    ],
)
async def test_a_bad_body_is_refused_with_the_member_that_is_wrong(
    service: Service, body: dict[str, Any], pointer: str
) -> None:
    problem = assert_problem(await service.http.post(SLOTS, json=body), 422, "invalid-input")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


async def test_the_product_decides_which_engineers_count(service: Service) -> None:
    await service.hire(skills=["fibre"])
    for product, skill in (("7", "dish"), ("8", "fibre")):
        await service.http.post("/managementCenters/products", json={"productId": product, "skills": [skill]})

    found = [
        (await service.http.post(SLOTS, json={"address": "Moon", "productId": product})).json()["items"]
        for product in (7, "8", "unknown")
    ]

    assert [bool(items) for items in found] == [False, True, True]


async def test_an_orders_windows_are_those_of_its_address_and_product(service: Service) -> None:
    await service.hire()
    await service.work()
    order_id = await service.requested(installationAddress="달 1", preferredVisit=window(11))
    span = {"from": f"{day_of(window())}", "to": f"{day_of(window())}"}

    found = await service.http.get(f"/orders/{order_id}/slots", params=span)

    assert found.json() == await asked(service, "달 1", **span)
    assert [slot["start"] for slot in found.json()["items"]] == [window(hour) for hour in (9, 13, 15)]
    assert (found.json()["region"], found.json()["regionName"]) == ("KR-99", "Moon")
    assert_problem(await service.http.get(f"/orders/{'0' * 32}/slots"), 404, "not-found")


async def test_an_ambiguous_order_waits_until_a_managers_assignment_decides(service: Service) -> None:
    await service.work()
    order_id = await service.order(installationAddress="중구 세종대로 110")

    waiting = await service.until(order_id, "AWAITING_ENGINEER")
    assert (waiting["region"], waiting["attention"]["reason"]) == (None, "AMBIGUOUS_ADDRESS")
    slots = (await service.http.get(f"/orders/{order_id}/slots")).json()
    assert (slots["items"], slots["reason"], slots["regions"]) == ([], "AMBIGUOUS_ADDRESS", JUNG_GU)

    answer = await service.http.put(f"/managementCenters/assignments/{order_id}", json={"engineerId": "kr-27-1"})
    assert (answer.status_code, answer.json()["region"]) == (200, "KR-27"), answer.text
    requested = await service.until(order_id, "INSTALLATION_REQUESTED")
    assert (requested["region"], requested["attention"]) == ("KR-27", None)
    slots = (await service.http.get(f"/orders/{order_id}/slots")).json()
    assert (slots["region"], slots["regionLocalName"], slots["reason"], slots["regions"]) == (
        *("KR-27", "대구광역시"),
        *(None, []),
    )
    wanted = slots["items"][-1]["start"]
    moved = await service.http.post(f"/orders/{order_id}/reschedule", json={"preferredVisit": wanted})
    assert (moved.status_code, moved.json()["visit"]["start"]) == (200, wanted), moved.text


async def test_a_change_of_areas_has_an_ambiguous_order_tried_again(service: Service) -> None:
    await service.work()
    order_id = await service.order(installationAddress="고성군 중앙길 1")
    await service.until(order_id, "AWAITING_ENGINEER")

    assert (await service.http.delete("/managementCenters/serviceAreas/kr-42")).status_code == 204

    assert (await service.until(order_id, "INSTALLATION_REQUESTED"))["region"] == "KR-48"


async def test_only_who_reaches_the_order_sees_its_windows(settings: Settings, issuer: Issuer) -> None:
    async with serving(but(settings, **issuer.settings)) as service:
        await service.work()
        service.http.headers.update(bearer(issuer.token("shop", "service", scope="orders:write orderStatuses:read")))
        order_id = await service.requested(installationAddress="강남구 테헤란로 152")

        async def status(*role: str, **claims: Any) -> int:
            headers = bearer(issuer.token(*role, **claims))
            return (await service.http.get(f"/orders/{order_id}/slots", headers=headers)).status_code

        assert await status("1", "customer") == 200
        assert await status("2", "customer") == 404
        assert await status("kim", "manager", regions=["KR-11"]) == 200
        assert await status("kim", "manager", regions=["KR-26"]) == 404
        assert await status("kr-11-1", "engineer") == 403
        assert await status("shop", "service", scope="orders:read") == 200
        assert await status("shop", "service", scope="managementCenters:read") == 403


async def test_customers_see_why_their_order_waits_and_not_which_regions_are_in_question(
    settings: Settings, issuer: Issuer
) -> None:
    async with serving(but(settings, **issuer.settings)) as service:
        await service.work()
        service.http.headers.update(bearer(issuer.token("1", "customer")))
        order_id = await service.order(installationAddress="중구 세종대로 110")
        attention = (await service.until(order_id, "AWAITING_ENGINEER"))["attention"]

        assert (attention["reason"], attention["detail"]) == ("AMBIGUOUS_ADDRESS", None)

        async def seen(*role: str, **claims: Any) -> Any:
            answer = await service.http.get(f"/orderStatuses/{order_id}", headers=bearer(issuer.token(*role, **claims)))
            return answer.json()["attention"]["detail"] if answer.is_success else answer.status_code

        async def seen_by_manager() -> bool:
            return bool(await seen("kim", "manager") == f"the address may be in {', '.join(JUNG_GU)}")

        assert await soon(seen_by_manager, what="the regions in question")
        assert await seen("kim", "manager", regions=["KR-11"]) == 404


async def test_without_the_store_there_is_no_answer(settings: Settings) -> None:
    async with serving(but(settings, management_center_database_url=NOWHERE)) as service:
        order_id = await service.order()
        for answer in (
            await service.http.post(SLOTS, json={"address": "Seoul"}),
            await service.http.get(f"/orders/{order_id}/slots"),
        ):
            assert_problem(answer, 503, "no-answer-in-time")


async def test_a_day_in_the_audit_and_the_access_log_is_included_and_from_after_to_is_refused(
    settings: Settings, issuer: Issuer
) -> None:
    async with serving(but(settings, **issuer.settings)) as service:
        headers = bearer(issuer.token("kim", "manager"))
        today = VisitGrid().day_of(datetime.fromisoformat(window()))
        before = today - timedelta(days=1)
        for path in ("/audit", "/accessLog"):
            for query, status in (
                (f"from={today}&to={today}", 200),
                (f"from={today}&to={before}", 400),
                (f"from={today}T00:00:00Z&to={today}T00:00:00Z", 200),
                (f"from={today}T00:00:01Z&to={today}T00:00:00Z", 400),
            ):
                answer = await service.http.get(f"{path}?{query}", headers=headers)
                assert answer.status_code == status, (path, query, answer.text)
