"""Changes that are meant for one version of an order: `If-Match`."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from httpx2 import Response
from temporalio.api.enums.v1 import EventType

from api.orders import canceling, lookup
from domain.orders import HistoryEntry, Order, OrderStatus, workflow_id
from runtime import development_issuer
from runtime.settings import Settings
from runtime.temporal_client import connect
from tests.api import patience
from tests.api.known import bearer
from tests.api.problems import assert_problem
from tests.api.service import Service, serving, window

UNKNOWN = "0" * 32
CHANGES = ("cancel", "reschedule", "assign")


async def change(
    service: Service, order_id: str, what: str, *if_match: object, engineer_id: str = "kr-11-1", **headers: str
) -> Response:
    """Send a change that is meant for these versions of an order."""
    path, method, body = {
        "cancel": (f"/orders/{order_id}/cancel", "POST", {"reason": "이사"}),
        "reschedule": (f"/orders/{order_id}/reschedule", "POST", {"preferredVisit": window(15)}),
        "assign": (f"/managementCenters/assignments/{order_id}", "PUT", {"engineerId": engineer_id}),
    }[what]
    sent = [("If-Match", f'"{one}"' if isinstance(one, int) else str(one)) for one in if_match]
    return await service.http.request(method, path, json=body, headers=[*headers.items(), *sent])


async def seen(service: Service, order_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await service.http.get(f"/orders/{order_id}")).json()
    assert not found["stale"]
    return found


def assert_changed(answer: Response, order: dict[str, Any]) -> None:
    assert assert_problem(answer, 409, "changed-meanwhile")["order"] == order


async def test_a_change_is_for_its_version_alone_and_what_is_done_stays_done(service: Service) -> None:
    await service.hire()
    body = {"name": "김둘", "region": "KR-99"}
    await service.http.post("/managementCenters/engineers", json=body)
    await service.work()
    order_id = await service.requested(installationAddress="달 1", preferredVisit=window())
    engineers = (await service.http.get("/managementCenters/engineers?region=KR-99")).json()["items"]
    before = await seen(service, order_id)
    [other] = {one["engineerId"] for one in engineers} - {before["engineerId"]}
    for what in ("assign", "reschedule", "cancel"):
        known = await seen(service, order_id)
        for version in (known["version"] - 1, known["version"] + 1, 0):
            assert_changed(await change(service, order_id, what, version, engineer_id=other), known)
        assert await seen(service, order_id) == known

        done = await change(service, order_id, what, known["version"], engineer_id=other)
        assert done.status_code == 200, (what, done.text)
        if what != "cancel":
            await service.until_quiet(order_id)  # before the engineer is asked, the view shows the same status
        for version in (known["version"], known["version"] - 1):
            again = await change(service, order_id, what, version, engineer_id=other)
            assert again.status_code == 200, (what, again.text)

    after = await seen(service, order_id)
    assert (after["status"], after["engineerId"], after["visit"]["start"]) == ("ORDER_CANCELED", other, window(15))
    await service.closed(order_id)
    assert (await change(service, order_id, "cancel", before["version"])).status_code == 200


async def test_what_comes_too_late_is_refused_for_its_version_first_and_leaves_no_trace(service: Service) -> None:
    await service.work()
    order_id = await service.requested()
    assert (await service.act(order_id, "accept")).status_code == 200
    await service.rest("installation")
    completing = asyncio.create_task(service.act(order_id, "complete"))
    await service.taken(order_id, "complete")
    patience.wait_long(patience.WORKERS)  # the orders' worker, which refuses, runs
    known = await seen(service, order_id)

    for what in CHANGES:
        assert_changed(await change(service, order_id, what, known["version"] - 1, engineer_id="kr-11-2"), known)
    assert await seen(service, order_id) == known
    for _ in range(2):
        late = await change(service, order_id, "cancel", known["version"])
        assert_problem(late, 409, "order-cancel-rejected")
    events = [entry["event"] for entry in (await seen(service, order_id))["history"]]
    assert events.count("OrderCancelRejected") == 1

    await completing
    await service.work("installation")
    await service.closed(order_id)
    ended = await seen(service, order_id)
    for what in CHANGES:
        assert_changed(await change(service, order_id, what, known["version"] + 1), ended)
    for what, slug in zip(CHANGES, ("order-cancel-rejected", "illegal-transition", "illegal-transition"), strict=True):
        assert_problem(await change(service, order_id, what, ended["version"]), 409, slug)


async def test_without_a_worker_nothing_is_left_that_would_be_done_later(service: Service) -> None:
    order_id = await service.order()

    for what in CHANGES:
        assert_problem(await change(service, order_id, what, 0), 503, "no-answer-in-time")

    client = await connect(service.settings)
    events = (await client.get_workflow_handle(workflow_id(order_id)).fetch_history()).events
    assert EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED not in [event.event_type for event in events]
    assert (await service.http.post(f"/orders/{order_id}/cancel")).status_code == 202


async def test_a_cancel_that_was_not_taken_in_time_is_not_carried_out_later(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server keeps the update for the next worker, although its sender has been told that there is none."""
    monkeypatch.setattr(canceling, "CLOCK_TOLERANCE", -lookup.TELL_WITHIN)
    order_id = await service.order()
    version = (await service.http.get(f"/orders/{order_id}")).json()["version"]

    assert_problem(await change(service, order_id, "cancel", version), 503, "no-answer-in-time")
    await service.work()

    await service.until(order_id, "INSTALLATION_REQUESTED")


@pytest.mark.parametrize("status", OrderStatus)
async def test_of_an_order_without_a_workflow_the_last_known_version_counts(
    service: Service, status: OrderStatus
) -> None:
    order_id = await service.forgotten(status, Order(uuid4().hex, "1", order_date="2020-07-15", version=7))

    refused = {what: await change(service, order_id, what, 6) for what in CHANGES}

    if status is OrderStatus.ORDER_CANCELED:
        assert refused.pop("cancel").status_code == 200
    for answer in refused.values():
        assert assert_problem(answer, 409, "changed-meanwhile")["order"]["version"] == 7
    started = await (await connect(service.settings)).count_workflows(f"WorkflowId = 'reconciliation-{order_id}'")
    assert started.count == 0
    assert_problem(await change(service, order_id, "reschedule", 7), 409, "illegal-transition")


async def test_the_order_is_shown_as_the_sender_may_see_it(service: Service) -> None:
    entry = HistoryEntry(by="manager:kim", detail="the dog bites")
    order = Order(UNKNOWN, "1", order_date="2020-07-15", version=7, history=[entry])
    await service.forgotten(OrderStatus.JOIN_COMPLETED, order)
    claims = {"sub": "1", "roles": ["customer"]}
    customer = bearer(development_issuer.token(service.settings.data_dir, claims, hours=1))

    answer = await change(service, UNKNOWN, "cancel", 6, **customer)

    [shown] = assert_problem(answer, 409, "changed-meanwhile")["order"]["history"]
    assert (shown["by"], shown["detail"]) == ("manager", None)


@pytest.fixture
async def still(without_temporal: Settings) -> AsyncIterator[Service]:
    async with serving(without_temporal) as service:
        yield service


@pytest.mark.parametrize("what", CHANGES)
async def test_it_is_one_version_in_quotes(still: Service, what: str) -> None:
    wrong: list[tuple[object, ...]] = [(1, 2), *((one,) for one in ("*", 'W/"1"', '"1", "2"', "1", "", '""', '"x"'))]
    wrong += [('"-1"',), ('"1.0"',), ('"01"',), (f'"{"9" * 19}"',), ('"1" ,',)]
    for if_match in wrong:
        answer = await change(still, UNKNOWN, what, *if_match)
        assert "If-Match" in assert_problem(answer, 400, "malformed-request")["detail"], if_match
