"""Requests that must be recorded are refused while there is no room for their entries, and none is recorded twice."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from httpx2 import Response
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import NoResultFound

from api.audit.trail import AuditTrail
from api.http import write_behind as batches
from api.security.permissions import RULES, Noted
from domain.audit import AuditRecord, Head
from domain.common import contexts
from runtime.settings import Settings
from stores.audit.tables import AUDIT_HEAD
from stores.audit.trail import AuditStore
from stores.management_center.assignments import ManagementCenterStore
from tests.api.audit_outage import Outage, metric, noted, staff
from tests.api.known import know_both
from tests.api.problems import assert_problem
from tests.api.service import MOON, Service, serving

ENGINEER = {"name": "김하나", "region": "KR-11"}
DAY_OFF = {"engineerId": "kr-11-1", "from": "2030-01-01", "to": "2030-01-02"}
CHANGES: tuple[tuple[str, str, object], ...] = (
    ("POST", "serviceAreas", MOON),
    ("PATCH", "serviceAreas/kr-11", {"name": "Seoul"}),
    ("DELETE", "serviceAreas/kr-26", None),
    ("POST", "engineers", ENGINEER),
    ("PATCH", "engineers/kr-11-1", {"name": "이둘"}),
    ("DELETE", "engineers/kr-26-1", None),
    ("POST", "daysOff", DAY_OFF),
    ("DELETE", "daysOff/{dayOffId}", None),
    ("POST", "extraShifts", DAY_OFF),
    ("DELETE", "extraShifts/{extraShiftId}", None),
    ("POST", "products", {"productId": "p3", "skills": []}),
    ("PATCH", "products/p1", {"skills": ["fiber"]}),
    ("DELETE", "products/p2", None),
)


@pytest.fixture
def outage(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outage:
    for name in ("GATHER_FOR", "PAUSE", "END_WITHIN"):
        monkeypatch.setattr(batches, name, 0.01)
    return Outage(settings, tmp_path)


@pytest.fixture
async def service(outage: Outage) -> AsyncIterator[Service]:
    async with serving(outage.settings) as service:
        yield service


def fill(service: Service, number: int) -> None:
    """Let so many entries wait."""
    for _ in range(number):
        service.app.state.services.get(AuditTrail).add(
            AuditRecord(uuid4().hex, datetime.now(UTC), "x", "x", "x", None, 200)
        )


async def hire(service: Service) -> Response:
    return await service.http.post("/managementCenters/engineers", json=ENGINEER)


def assert_full(answer: Response) -> None:
    assert_problem(answer, 503, "no-answer-in-time")
    assert answer.headers["Retry-After"] == "1"


async def test_while_ten_thousand_notes_wait_nobody_is_hired_and_later_all_is_noted_once(
    service: Service, outage: Outage
) -> None:
    fill(service, 9_999)
    assert (await hire(service)).status_code == 201
    before = await staff(service)

    assert_full(await hire(service))
    assert await staff(service) == before
    assert await metric(service, "audit_entries_waiting") == 10_000
    assert await metric(service, "audit_requests_refused_total") == 1

    outage.end()
    await noted(service, 10_000)
    assert (await hire(service)).status_code == 201
    entries = await noted(service, 10_001)
    assert [entry.act.outcome for entry in entries if entry.act.act == "POST /managementCenters/engineers"] == [201] * 2
    assert await metric(service, "audit_entries_dropped_total") == 0


async def test_without_room_for_a_note_no_change_of_staff_is_made_and_orders_go_on(
    service: Service, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own, _) = await know_both(service)
    monkeypatch.setattr(batches, "MOST_WAITING", 2)
    order_id, _ = await service.order(), await service.order()
    before = await staff(service)

    for method, path, body in CHANGES:
        answer = await service.http.request(method, f"/managementCenters/{path.format(**own)}", json=body)
        assert_full(answer)
    assert_full(await service.http.delete("/orders/customers/1/personalData"))
    assert {f"{method} /managementCenters/{path.partition('/')[0]}" for method, path, _ in CHANGES} == {
        "/".join(route.split("/")[:3])
        for route, rule in RULES.items()
        if rule is not None and rule.noted is Noted.ALWAYS and route.split("/")[1] == "managementCenters"
    }

    assert await staff(service) == before
    assert (await service.http.get("/orderStatuses/own-order")).json()["customerId"] == "1"
    await service.order()
    assert (await service.http.post(f"/orders/{order_id}/cancel")).status_code == 202
    assert await metric(service, "audit_entries_dropped_total") == 2
    assert await metric(service, "audit_requests_refused_total") == len(CHANGES) + 1

    outage.end()
    assert [entry.act.act for entry in await noted(service, 2)] == ["POST /orders"] * 2
    assert (await hire(service)).status_code == 201
    assert (await noted(service, 3))[-1].act.act == "POST /managementCenters/engineers"


async def test_of_many_changes_at_once_as_many_are_made_as_can_be_noted(
    service: Service, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST_WAITING", 5)
    fill(service, 2)
    before = len((await staff(service))["engineers"])

    answers = await asyncio.gather(*(hire(service) for _ in range(12)))

    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [503] * 9
    assert len((await staff(service))["engineers"]) == before + 3
    assert await metric(service, "audit_entries_waiting") == 5
    outage.end()
    made = {answer.json()["engineerId"] for answer in answers if answer.status_code == 201}
    assert {entry.act.target for entry in await noted(service, 5)} == {*made, None}


async def test_an_order_takes_no_place_that_is_kept_for_a_change_under_way(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    centers, begun, go_on = service.app.state.services.get(ManagementCenterStore), asyncio.Event(), asyncio.Event()
    create = centers.create_engineer

    async def held(**given: object) -> object:
        begun.set()
        await go_on.wait()
        return await create(**given)

    monkeypatch.setattr(centers, "create_engineer", held)
    monkeypatch.setattr(batches, "MOST_WAITING", 1)
    hiring = asyncio.create_task(hire(service))
    await begun.wait()
    await service.order()
    assert await metric(service, "audit_entries_dropped_total") == 1

    go_on.set()
    assert (await hiring).status_code == 201
    assert await metric(service, "audit_entries_dropped_total") == 1
    assert await metric(service, "audit_entries_waiting") == 1


async def test_a_change_that_is_refused_gives_its_place_back(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MOST_WAITING", 4)
    for _ in range(9):
        answer = await service.http.post("/managementCenters/engineers", json={"name": 1})
        assert_problem(answer, 422, "invalid-input")
        assert (await service.http.delete("/managementCenters/engineers/unknown")).status_code == 404

    # Half of the room is kept for what changes something.
    assert await metric(service, "audit_entries_waiting") == 2
    assert [(await hire(service)).status_code for _ in range(3)] == [201, 201, 503]


async def test_a_change_that_fails_or_is_cut_off_is_noted_for_it_may_have_been_made(
    service: Service, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    centers, begun = service.app.state.services.get(ManagementCenterStore), asyncio.Event()

    async def hang(**_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def fail(**_: object) -> None:
        raise KeyError

    monkeypatch.setattr(batches, "MOST_WAITING", 2)
    monkeypatch.setattr(centers, "create_engineer", fail)
    assert (await hire(service)).status_code == 500
    monkeypatch.setattr(centers, "create_engineer", hang)
    cut_off = asyncio.create_task(hire(service))
    await begun.wait()
    cut_off.cancel()
    await asyncio.gather(cut_off, return_exceptions=True)

    assert_full(await hire(service))
    outage.end()
    assert [entry.act.outcome for entry in await noted(service, 2)] == [500, 500]


async def test_what_has_been_refused_because_of_who_asked_takes_half_of_the_room_at_most(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST_WAITING", 6)
    for _ in range(9):
        assert (await service.http.get("/orderStatuses/unknown")).status_code == 404

    assert await metric(service, "audit_entries_waiting") == 3
    assert await metric(service, "audit_entries_dropped_total") == 6
    await service.order()
    assert (await hire(service)).status_code == 201
    assert await metric(service, "audit_entries_waiting") == 5
    assert await metric(service, "audit_entries_dropped_total") == 6


async def test_what_the_store_refuses_while_its_head_is_missing_is_noted_once_that_is_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, append = asyncio.Event(), AuditStore.append

    async def watched(store: AuditStore, acts: Sequence[AuditRecord]) -> Head:
        try:
            return await append(store, acts)
        except NoResultFound:
            if len(acts) == 1:
                refused.set()
            raise

    monkeypatch.setattr(AuditStore, "append", watched)
    async with serving(settings) as service, service.opened(contexts.AUDIT) as database:
        async with database.writing() as connection:
            head = (await connection.execute(select(AUDIT_HEAD))).one()._asdict()
            await connection.execute(delete(AUDIT_HEAD))
        assert (await hire(service)).status_code == 201
        await service.order()
        await refused.wait()
        async with database.writing() as connection:
            await connection.execute(insert(AUDIT_HEAD).values(**head))

        found = {entry.act.act for entry in await noted(service, 2)}
        assert found == {"POST /managementCenters/engineers", "POST /orders"}
        assert await metric(service, "audit_entries_dropped_total") == 0
