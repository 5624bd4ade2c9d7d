"""The codec endpoint, as Temporal's Web UI calls it."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.converter import WorkflowSerializationContext

from api.codec.budget import PAYLOADS_PER_MINUTE, EncodingBudget
from api.http import bodies
from api.http.errors import TooManyRequests
from domain.orders import Subscription, workflow_id
from runtime.key_files import new_key
from runtime.payload_binding import PayloadBinding
from runtime.payload_codec import ENCODING, FORMAT, encrypting
from runtime.payload_keys import PayloadKeys
from runtime.temporal_client import connect
from tests.api.payloads import in_json, of_json
from tests.api.problems import assert_problem
from tests.api.service import Service
from tests.eventually import soon

DECODE, ENCODE = "/codec/default/decode", "/codec/default/encode"


def web_ui(service: Service) -> str:
    return f"http://localhost:{service.settings.temporal_ui_port}"


async def noted(service: Service, route: str) -> dict[str, Any]:
    """Wait for an entry of the access log."""

    async def found() -> dict[str, Any] | None:
        items: list[dict[str, Any]] = (await service.http.get("/accessLog?customerId=1")).json()["items"]
        return next((item for item in items if item["route"] == route), None)

    entry = await soon(found, what="the decoding is noted")
    assert entry is not None
    return entry


async def test_the_web_ui_is_shown_what_an_order_was_started_with(service: Service) -> None:
    order_id = await service.order(installationAddress="Seoul 서초구 1")
    client = await connect(service.settings)
    started = (await client.get_workflow_handle(workflow_id(order_id)).fetch_history()).events[0]
    (stored,) = started.workflow_execution_started_event_attributes.input.payloads
    assert stored.metadata["encoding"] == ENCODING

    answer = await service.http.post(
        DECODE, json={"payloads": [in_json(stored)]}, headers={"Origin": web_ui(service), "X-Namespace": "default"}
    )

    assert answer.headers["Access-Control-Allow-Origin"] == web_ui(service)
    (shown,) = of_json(answer)
    (subscription,) = client.data_converter.payload_converter.from_payloads([shown], [Subscription])
    assert subscription.order.installation_address == "Seoul 서초구 1"
    entry = await noted(service, "POST /codec/{namespace}/decode")
    assert (entry["people"], entry["workflows"]) == (1, [workflow_id(order_id)])


async def test_what_is_sent_from_the_web_ui_is_encrypted(service: Service) -> None:
    client = await connect(service.settings)
    plain = Payload(metadata={"encoding": b"json/plain"}, data=b'"moving house"')

    encrypted = of_json(await service.http.post(ENCODE, json={"payloads": [in_json(plain)]}))

    assert b"moving house" not in encrypted[0].data
    assert await client.data_converter.decode(encrypted) == ["moving house"]


@pytest.mark.parametrize("binding", PayloadBinding)
async def test_it_reads_what_is_bound_and_what_is_not_and_binds_nothing(
    service: Service, binding: PayloadBinding
) -> None:
    """It is told no workflow."""
    settings = service.settings.model_copy(update={"payload_binding": binding})
    converter = (await connect(settings)).data_converter
    context = WorkflowSerializationContext("default", workflow_id("1"))
    (stored,) = await converter.with_context(context).encode(["moving house"])

    (shown,) = of_json(await service.http.post(DECODE, json={"payloads": [in_json(stored)]}))
    (by_hand,) = of_json(await service.http.post(ENCODE, json={"payloads": [in_json(shown)]}))

    assert (FORMAT in stored.metadata) is (binding is not PayloadBinding.ACCEPT)
    assert shown.data == b'"moving house"'
    assert FORMAT not in by_hand.metadata


async def test_only_so_much_is_encrypted_a_minute_whoever_asks(service: Service) -> None:
    plain = in_json(Payload(metadata={"encoding": b"json/plain"}, data=b"1"))
    counted = partial(_encrypted, service)
    before = await counted()

    too_many = await service.http.post(ENCODE, json={"payloads": [plain] * (PAYLOADS_PER_MINUTE + 1)})
    all_at_once = await service.http.post(ENCODE, json={"payloads": [plain] * PAYLOADS_PER_MINUTE})
    once_more = await service.http.post(ENCODE, json={"payloads": [plain] * PAYLOADS_PER_MINUTE})

    assert_problem(too_many, 422, "invalid-input")
    (*_, last) = of_json(all_at_once)
    assert_problem(once_more, 429, "too-many-requests")
    assert 0 < int(once_more.headers["Retry-After"]) <= 60
    assert await counted() == before + PAYLOADS_PER_MINUTE
    for _ in range(3):
        assert of_json(await service.http.post(DECODE, json={"payloads": [in_json(last)] * PAYLOADS_PER_MINUTE}))


async def _encrypted(service: Service) -> float:
    """Return how many payloads the process has encrypted, by its metrics."""
    metrics = (await service.http.get("/metrics")).text
    return sum(float(line.split()[-1]) for line in metrics.splitlines() if line.startswith("payloads_encrypted_total{"))


def test_the_budget_of_a_minute_comes_back_evenly() -> None:
    now = 0.0
    budget = EncodingBudget(lambda: now)
    budget.take(PAYLOADS_PER_MINUTE)
    with pytest.raises(TooManyRequests) as refusal:
        budget.take(10)
    assert refusal.value.retry_after == 6
    now = 6.0
    budget.take(10)
    with pytest.raises(TooManyRequests):
        budget.take(1)
    now = 600.0
    budget.take(PAYLOADS_PER_MINUTE)
    with pytest.raises(TooManyRequests):
        budget.take(1)


async def test_what_cannot_be_decrypted_is_answered_as_it_is(service: Service) -> None:
    others = encrypting(PayloadKeys.parse(f"other:{new_key()}"), "default")
    payloads = [*await others.encode(["x"]), Payload(metadata={"encoding": b"json/plain"}, data=b"1")]

    answer = await service.http.post(DECODE, json={"payloads": list(map(in_json, payloads))})

    assert of_json(answer) == payloads


async def test_no_other_page_may_ask_and_the_web_ui_nothing_else(service: Service) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-namespace"}
    ours, others = {"Origin": web_ui(service)}, {"Origin": "http://elsewhere.example"}

    assert (await service.http.options(DECODE, headers=ours | asks)).status_code == 200
    assert (await service.http.options(DECODE, headers=others | asks)).status_code == 400
    for path, origin in ((DECODE, others), ("/orders", ours)):
        answer = await service.http.post(path, json={}, headers=origin)
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert_problem(await service.http.options("/orders", headers=ours | asks), 405, "method-not-allowed")


async def test_what_is_no_payload_of_ours_is_refused(service: Service) -> None:
    assert_problem(await service.http.post("/codec/other/decode", json={"payloads": []}), 404, "not-found")
    for wrong in ({"payloads": [{"data": "?"}]}, {"payloads": [{"metadata": {"a": 1}}]}, {"payloads": 1}):
        assert_problem(await service.http.post(DECODE, json=wrong), 422, "invalid-input")
    many = {"payloads": [{"data": "A" * 4 * 1024 * 1024}]}
    assert_problem(await service.http.post(DECODE, json=many), 413, "too-large")


async def test_many_large_requests_wait_unread_and_are_told_to_come_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "TURN_WITHIN", 0.1)
    read, end = [], asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        read.append(1)
        yield b'{"payloads": '
        await end.wait()
        yield b"[]}"

    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    headers = {"Content-Type": "application/json"}
    first = [
        asyncio.create_task(service.http.post(DECODE, content=slow(), headers=headers))
        for _ in range(bodies.LARGE_AT_ONCE)
    ]

    async def all_read() -> bool:
        return len(read) == bodies.LARGE_AT_ONCE

    await soon(all_read, what="the first are read")

    refused = await service.http.post(ENCODE, content=unread(), headers=headers)
    assert_problem(refused, 503, "no-answer-in-time")
    assert refused.headers["Retry-After"]

    end.set()
    assert {answer.status_code for answer in await asyncio.gather(*first)} == {200}
    assert (await service.http.post(ENCODE, json={"payloads": []})).status_code == 200
