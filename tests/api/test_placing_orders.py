import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from api.http.errors import TemporalUnavailable
from api.orders import starting
from domain.orders import workflow_id
from runtime.settings import Settings
from runtime.temporal_client import connect
from tests.api.problems import assert_problem
from tests.api.service import CONTRACT_BODY, NOWHERE, Service, but, serving, silent_port, window
from tests.eventually import soon
from tests.stopwatch import stopwatch

LONG_ADDRESS = "가" * 500


async def test_the_contract_body_is_accepted_as_it_stands_without_any_worker(service: Service) -> None:
    answer = await service.http.post("/orders", json=CONTRACT_BODY)

    assert answer.status_code == 201
    order = answer.json()
    assert answer.headers["Location"] == f"/orders/{order['orderId']}"
    (joined,) = order.pop("history")
    assert joined.pop("at").endswith("Z")
    assert joined == {"event": "JoinOrdered", "by": "customer:1", "detail": None}
    assert order == {
        "orderId": order["orderId"],
        "customerId": "1",
        "customerName": None,
        "contactPhone": None,
        "note": None,
        "productId": "2001",
        "productName": "internet",
        "installationAddress": "Seoul",
        "orderDate": "2020-07-15",
        "status": "JOIN_ORDERED",
        "region": None,
        "engineerId": None,
        "engineerName": None,
        "visit": None,
        "installCompletedAt": None,
        "attention": None,
        "version": 0,
        "stale": False,
    }


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ({"productId": 2001, "customerId": 7}, {"productId": "2001", "customerId": "7"}),
        ({"orderDate": "2020-02-29"}, {"orderDate": "2020-02-29"}),
        ({"note": None, "customerName": "김하나"}, {"note": None, "customerName": "김하나"}),
        ({"installationAddress": LONG_ADDRESS}, {"installationAddress": LONG_ADDRESS}),
        ({"productName": "😀" * 200}, {"productName": "😀" * 200}),
        ({"preferredVisit": window}, {}),
        ({"preferredVisit": "2020-01-02T09:00:00+09:00"}, {}),
        ({"somethingElse": {"deep": [1, 2]}}, {}),
    ],
)
async def test_what_an_order_may_say(service: Service, sent: dict[str, Any], shown: dict[str, Any]) -> None:
    sent = {name: value() if callable(value) else value for name, value in sent.items()}
    answer = await service.http.post("/orders", json=CONTRACT_BODY | sent)

    assert answer.status_code == 201, answer.text
    assert answer.json() | shown == answer.json()


async def test_an_order_without_a_date_is_of_today_in_korea(service: Service) -> None:
    body = {name: value for name, value in CONTRACT_BODY.items() if name != "orderDate"}
    in_korea = datetime.now(UTC) + timedelta(hours=9)

    order = (await service.http.post("/orders", json=body)).json()

    assert order["orderDate"] in (f"{in_korea:%F}", f"{datetime.now(UTC) + timedelta(hours=9):%F}")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("installationAddress", ""),
        ("installationAddress", "  "),
        ("installationAddress", "a" * 501),
        ("installationAddress", "Seoul\nGangnam"),
        ("installationAddress", "Seoul\x85"),
        ("installationAddress", None),
        ("productName", "a" * 201),
        ("productName", 5),
        ("productId", 1.5),
        ("productId", True),
        ("customerId", ["1"]),
        ("customerId", ""),
        ("customerId", 10**300),
        ("note", "a" * 201),
        ("note", "\x00"),
        ("customerName", ""),
        ("contactPhone", 821012345678),
        ("orderDate", "20200230"),
        ("orderDate", "2020-7-15"),
        ("orderDate", "２０２００７１５"),
        ("orderDate", 20200715),
        ("preferredVisit", "2030-01-02T09:00:00"),
        ("preferredVisit", "tomorrow"),
        ("preferredVisit", "0001-01-01T00:00:00+23:00"),
        ("preferredVisit", "2030-01-02T25:00:00Z"),
        ("preferredVisit", lambda: window().replace(":00Z", ":01Z")),
        ("preferredVisit", "2020-01-02T10:00:00+09:00"),
        ("preferredVisit", lambda: window(days=370)),
        ("preferredVisit", "9999-12-31T23:59:59Z"),
    ],
)
async def test_an_invalid_member_is_named(service: Service, member: str, value: Any) -> None:
    value = value() if callable(value) else value
    answer = await service.http.post("/orders", json=CONTRACT_BODY | {member: value})

    problem = assert_problem(answer, 422, "invalid-input")
    assert [error["pointer"] for error in problem["errors"]] == [f"/{member}"]


@pytest.mark.parametrize("member", ["productId", "productName", "installationAddress", "customerId"])
async def test_a_missing_member_is_named(service: Service, member: str) -> None:
    body = {name: value for name, value in CONTRACT_BODY.items() if name != member}

    problem = assert_problem(await service.http.post("/orders", json=body), 422, "invalid-input")

    assert [error["pointer"] for error in problem["errors"]] == [f"/{member}"]


async def test_a_problem_does_not_repeat_what_was_sent(service: Service) -> None:
    answer = await service.http.post("/orders", json=CONTRACT_BODY | {"customerName": "비밀" * 150})

    assert_problem(answer, 422, "invalid-input")
    assert "비밀" not in answer.text


@pytest.mark.parametrize(
    ("content", "status", "slug"),
    [
        (b"", 400, "malformed-request"),
        (b"{", 400, "malformed-request"),
        (b'{"productId": "\xff"}', 400, "malformed-request"),
        ('{"a": 1}'.encode("utf-16"), 400, "malformed-request"),
        (b"[" * 30_000, 400, "malformed-request"),
        (b'{"productId": ' + b"9" * 401 + b"}", 400, "malformed-request"),
        (b'{"productId": NaN}', 400, "malformed-request"),
        (b'{"productId": 1, "unknown": [-Infinity, Infinity]}', 400, "malformed-request"),
        (b'{"productId": "\\ud800", "productName": "a", "installationAddress": "a", "customerId": 1}', 422, None),
        (b'{"productId": 1, "productId": 2}', 422, "invalid-input"),
    ],
)
async def test_a_body_that_is_no_order(service: Service, content: bytes, status: int, slug: str | None) -> None:
    answer = await service.http.post("/orders", content=content, headers={"Content-Type": "application/json"})

    assert_problem(answer, status, slug or "invalid-input")


@pytest.mark.parametrize("content", [b"[]", b"null", b'"x"', b"5"])
async def test_a_body_that_is_no_object_is_named_as_a_whole(service: Service, content: bytes) -> None:
    for path in ("/orders", f"/installations/{'0' * 32}/accept"):
        answer = await service.http.post(path, content=content, headers={"Content-Type": "application/json"})

        (error,) = assert_problem(answer, 422, "invalid-input")["errors"]
        assert (error["pointer"], error["detail"]) == ("", "the body has to be an object")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=euc-kr", ""]
)
async def test_a_body_that_does_not_call_itself_json_is_not_read(service: Service, content_type: str) -> None:
    answer = await service.http.post("/orders", content=b"{}", headers={"Content-Type": content_type})

    assert_problem(answer, 415, "unsupported-media-type")


async def test_a_body_over_64_kib_is_too_large_whether_it_says_its_length_or_not(service: Service) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(65):
            yield b" " * 1024

    headers = {"Content-Type": "application/json"}
    for content in (b" " * (64 * 1024 + 1), chunks()):
        assert_problem(await service.http.post("/orders", content=content, headers=headers), 413, "too-large")


async def test_a_body_that_says_that_it_is_too_large_is_not_read(service: Service) -> None:
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    headers = {"Content-Type": "application/json", "Content-Length": str(64 * 1024 + 1)}
    for path in ("/orders", f"/orders/{uuid4().hex}/cancel"):
        assert_problem(await service.http.post(path, content=unread(), headers=headers), 413, "too-large")


async def test_nothing_personal_is_where_operators_look(service: Service) -> None:
    personal = {"customerName": "PERSONAL-1", "contactPhone": "PERSONAL-2", "installationAddress": "PERSONAL-3"}
    order_id = await service.order(**personal, note="PERSONAL-4")

    client = await connect(service.settings)
    taken = await client.get_workflow_handle(workflow_id(order_id)).describe()

    shown = f"{taken.id} {await taken.static_summary()} {await taken.memo()} {taken.typed_search_attributes}"
    assert "internet" in shown
    assert "PERSONAL" not in shown


async def test_an_order_carries_the_policy_of_the_day(settings: Settings) -> None:
    patient = but(settings, order_answer_within=77.0)
    async with serving(patient) as service:
        order_id = await service.order()
        client = await connect(settings)
        async for event in client.get_workflow_handle(workflow_id(order_id)).fetch_history_events():
            started = event.workflow_execution_started_event_attributes
            (subscription,) = await client.data_converter.decode(started.input.payloads)
            break

    assert subscription["policy"]["answer_within"] == 77.0


async def test_managers_see_an_order_while_every_worker_is_down(service: Service) -> None:
    order_id = await service.order()

    row = await service.until(order_id, "JOIN_ORDERED")

    assert row["version"] == 0


async def test_orders_are_taken_while_every_store_is_down(settings: Settings) -> None:
    nowhere = {f"{context}_database_url": NOWHERE for context in ("management_center", "installation", "order_status")}
    async with serving(but(settings, **nowhere)) as service:
        assert (await service.http.post("/orders", json=CONTRACT_BODY)).status_code == 201


async def test_an_unreachable_server_is_told_within_three_seconds_with_the_id_to_ask_for(
    settings: Settings, free_port: int, impatient: None
) -> None:
    async with serving(but(settings, temporal_port=free_port)) as service:
        headers = {"Idempotency-Key": "unreachable"}
        answers = [await service.http.post("/orders", json=CONTRACT_BODY, headers=headers) for _ in range(2)]

    problems = [assert_problem(answer, 503, "temporal-unavailable") for answer in answers]
    assert problems[0]["orderId"] == problems[1]["orderId"]
    assert answers[0].headers["Retry-After"]


async def test_a_server_that_says_nothing_is_told_within_three_seconds(settings: Settings, impatient: None) -> None:
    with silent_port() as port:
        async with serving(but(settings, temporal_port=port)) as service, stopwatch() as watch:
            answers = await asyncio.gather(*(service.http.post("/orders", json=CONTRACT_BODY) for _ in range(60)))
            assert watch.seconds < 3

    for answer in answers:
        assert answer.status_code == 503
        assert answer.json()["orderId"]


async def test_too_many_starts_at_once_wait_and_are_told_to_come_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = asyncio.Event()

    async def start(*_: object) -> None:
        await over.wait()
        raise TemporalUnavailable("it has not answered")

    monkeypatch.setattr(starting, "TURN_WITHIN", 0.1)
    monkeypatch.setattr(starting.Starting, "_start", start)
    async with serving(but(settings, max_starts_in_flight=1)) as service:
        first = asyncio.create_task(service.http.post("/orders", json=CONTRACT_BODY))
        await soon(lambda: in_flight(service, 1))
        assert_problem(await service.http.post("/orders", json=CONTRACT_BODY), 503, "no-answer-in-time")
        over.set()
        assert_problem(await first, 503, "temporal-unavailable")
        assert await in_flight(service, 0)


async def in_flight(service: Service, starts: int) -> bool:
    # Not by `/metrics`, which asks a Temporal server that is silent here, too.
    return bool(service.app.state.health.registry.get_sample_value("starts_in_flight") == starts)
