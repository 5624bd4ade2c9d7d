"""Whom a manager could send to an order's visit, over HTTP."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.orders import Event, Order, OrderStatus
from domain.visits import TimeWindow, VisitGrid
from runtime.settings import Settings
from stores.order_status.view import OrderStatusStore
from tests.api.issuer import Issuer
from tests.api.known import bearer
from tests.api.problems import assert_problem
from tests.api.service import MOON, NOWHERE, Service, but, serving, window
from tests.eventually import soon

ENGINEERS = "/managementCenters/engineers"
ORDER = Order("o1", "1", product_id="p1", region="KR-11", version=1)


@pytest.fixture
async def guarded(settings: Settings, issuer: Issuer) -> AsyncIterator[Service]:
    async with serving(but(settings, **issuer.settings, rate_limit_anonymous=0)) as service:
        yield service


def path(order_id: str = ORDER.order_id) -> str:
    return f"/managementCenters/assignments/{order_id}/candidates"


async def known(service: Service, order: Order = ORDER) -> None:
    """Let the read model alone know an order, as when no worker answers."""
    await service.app.state.services.get(OrderStatusStore).put([order])


async def candidates(service: Service, order_id: str = ORDER.order_id, **query: str) -> dict[str, Any]:
    answer = await service.http.get(path(order_id), params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["nextCursor"] is None
    return found


def at(start: str) -> dict[str, str]:
    end = datetime.fromisoformat(start) + timedelta(hours=2)
    return {"start": start, "end": f"{end:%Y-%m-%dT%H:%M:%SZ}"}


def reasons(found: dict[str, Any]) -> dict[str, str | None]:
    assert [one["free"] for one in found["items"]] == [one["reason"] is None for one in found["items"]]
    return {one["name"]: one["reason"] for one in found["items"]}


async def test_a_manager_sees_who_could_come_instead_and_gives_the_order_to_them(service: Service) -> None:
    await service.http.post("/managementCenters/serviceAreas", json=MOON)
    await service.http.post("/managementCenters/products", json={"productId": "tv", "skills": ["dish"]})
    staff = {}
    hired: dict[str, dict[str, Any]] = {
        "assigned": {"skills": ["dish"]},
        "next": {"skills": ["dish"], "active": False},
        "free": {"skills": ["dish", "fibre"], "active": False},
        "booked": {"active": False},
        "off": {},
        "at night": {"workingHours": {"from": "21:00", "until": "23:00"}},
        "unskilled": {},
        "gone": {"skills": ["dish"], "active": False},
    }
    for name, more in hired.items():
        answer = await service.http.post(ENGINEERS, json={"name": name, "region": "KR-99", **more})
        staff[name] = answer.json()["engineerId"]
    day = f"{datetime.fromisoformat(window()).astimezone(VisitGrid().zone):%F}"
    await service.http.post("/managementCenters/daysOff", json={"engineerId": staff["off"], "from": day})
    await service.work()
    order_id = await service.requested(installationAddress="달 1", productId="tv", preferredVisit=window())
    await service.http.patch(f"{ENGINEERS}/{staff['next']}", json={"active": True})
    assert (await service.act(order_id, "decline")).status_code == 200

    async def asked() -> bool:
        installation = (await service.http.get(f"/installations/{order_id}")).json()
        return bool(installation["engineerId"] == staff["next"])

    await soon(asked)
    for name in ("free", "booked"):
        await service.http.patch(f"{ENGINEERS}/{staff[name]}", json={"active": True})
    other = await service.requested(installationAddress="달 2", preferredVisit=window())
    await service.http.put(f"/managementCenters/assignments/{other}", json={"engineerId": staff["booked"]})

    found = await candidates(service, order_id)

    assert found["visit"] == at(window())
    assert reasons(found) == {
        "next": None,
        "free": None,
        "assigned": "DECLINED_BEFORE",
        "booked": "BOOKED",
        "off": "DAY_OFF",
        "at night": "NOT_WORKING",
        "unskilled": "MISSING_SKILLS",
        "gone": "INACTIVE",
    }
    assert {one["name"] for one in found["items"][:2]} == {"next", "free"}
    by_name = {one["name"]: one for one in found["items"]}
    assert by_name["free"] == {
        "engineerId": staff["free"],
        "name": "free",
        "free": True,
        "visitsThatDay": 0,
        "skills": ["dish", "fibre"],
        "missingSkills": [],
        "reason": None,
    }
    assert (by_name["booked"]["visitsThatDay"], by_name["booked"]["missingSkills"]) == (1, ["dish"])
    later = await candidates(service, order_id, visit=window(11).replace("Z", "+00:00"))
    assert later["visit"] == at(window(11))
    assert reasons(later)["booked"] == "MISSING_SKILLS"
    given = await service.http.put(
        f"/managementCenters/assignments/{order_id}", json={"engineerId": by_name["free"]["engineerId"]}
    )
    assert (given.status_code, given.json()["visit"]) == (200, found["visit"])


async def test_it_is_about_the_orders_visit_or_else_the_preferred_one_or_the_earliest(service: Service) -> None:
    grid, now = VisitGrid(), datetime.now(UTC)
    booked, preferred = datetime.fromisoformat(window(11)), datetime.fromisoformat(window(15))
    passed = TimeWindow(now - timedelta(hours=3), now - timedelta(hours=1))
    going_on = TimeWindow(now - timedelta(minutes=1), now + timedelta(days=1))

    async def earliest() -> str:
        slots = await service.http.get("/managementCenters/slots?address=Seoul")
        return str(slots.json()["items"][0]["start"])

    expected = {
        "visit": (replace(ORDER, visit=grid.window_at(booked), preferred_visit=preferred), window(11)),
        "going on": (replace(ORDER, visit=going_on), f"{going_on.start:%Y-%m-%dT%H:%M:%S.%fZ}"),
        "preferred": (replace(ORDER, visit=passed, preferred_visit=preferred), window(15)),
        "passed": (replace(ORDER, preferred_visit=grid.windows_of(grid.day_of(now) - timedelta(days=2))[0].start), ""),
        "off the grid": (replace(ORDER, preferred_visit=preferred + timedelta(minutes=1)), ""),
        "none": (ORDER, ""),
    }
    for name, (order, start) in expected.items():
        await known(service, replace(order, order_id=name.replace(" ", "-")))
        # A window may begin meanwhile, so that another one is the earliest.
        before = await earliest()
        found = await candidates(service, name.replace(" ", "-"))
        assert found["visit"]["start"] in ([start] if start else [before, await earliest()]), name
        assert len(found["items"]) == 3


async def test_the_region_is_the_orders_or_the_one_that_is_asked_for(service: Service) -> None:
    await known(service)
    await known(service, replace(ORDER, order_id="nowhere", region=None))

    assert [one["engineerId"] for one in (await candidates(service))["items"]] == ["kr-11-1", "kr-11-2", "kr-11-3"]
    for order_id in ("o1", "nowhere"):
        busan = (await candidates(service, order_id, region="KR-26"))["items"]
        assert [one["engineerId"] for one in busan] == ["kr-26-1", "kr-26-2", "kr-26-3"]
    nobody = await candidates(service, region="KR-99")
    assert nobody["visit"] is not None
    assert nobody["items"] == []
    answer = await service.http.get(path("nowhere"))
    assert "region" in assert_problem(answer, 400, "malformed-request")["detail"]


async def test_a_limited_manager_looks_within_their_regions(guarded: Service, issuer: Issuer) -> None:
    await known(guarded)
    await known(guarded, replace(ORDER, order_id="others", region="KR-26"))
    limited = bearer(issuer.token("lee", "manager", regions=["KR-11", "KR-41"]))

    for query in ({}, {"region": "KR-41"}):
        assert (await guarded.http.get(path(), params=query, headers=limited)).status_code == 200
    assert_problem(await guarded.http.get(path(), params={"region": "KR-26"}, headers=limited), 403, "forbidden")
    assert_problem(
        await guarded.http.get(path("others"), params={"region": "KR-11"}, headers=limited), 404, "not-found"
    )


async def test_who_declined_or_did_not_answer_is_known_by_the_history(service: Service) -> None:
    order, now = replace(ORDER, history=[]), datetime.now(UTC)
    order.mark_ordered(at=now)
    for engineer_id, event in (("kr-11-1", Event.INSTALLATION_DECLINED), ("kr-11-3", Event.INSTALLATION_UNANSWERED)):
        order.record(Event.ORDER_ACCEPTED, at=now)
        order.record(Event.INSTALLATION_REQUESTED, at=now, detail=f"engineer:{engineer_id}")
        order.record(event, at=now, by="manager:kim")
    await known(service, order)

    found = await candidates(service)

    assert [(one["engineerId"], one["reason"]) for one in found["items"]] == [
        ("kr-11-2", None),
        ("kr-11-1", "DECLINED_BEFORE"),
        ("kr-11-3", "DECLINED_BEFORE"),
    ]


@pytest.mark.parametrize("status", [OrderStatus.JOIN_COMPLETED, OrderStatus.ORDER_CANCELED])
async def test_for_an_order_that_has_ended_nobody_can_come(service: Service, status: OrderStatus) -> None:
    await known(service, replace(ORDER, status=status))

    assert_problem(await service.http.get(path()), 409, "illegal-transition")


@pytest.mark.parametrize("query", ["visit=2026-07-13", "visit=tomorrow", "visit=2026-07-13T00:30:00Z", "region=1"])
async def test_what_is_no_window_or_region_is_malformed(service: Service, query: str) -> None:
    await known(service)

    assert_problem(await service.http.get(f"{path()}?{query}"), 400, "malformed-request")


async def test_an_unknown_order_has_no_candidates(service: Service) -> None:
    assert_problem(await service.http.get(path("unknown")), 404, "not-found")


async def test_without_the_store_there_is_no_answer(settings: Settings) -> None:
    async with serving(but(settings, management_center_database_url=NOWHERE)) as service:
        await known(service)
        assert_problem(await service.http.get(path()), 503, "no-answer-in-time")
