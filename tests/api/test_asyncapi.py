"""`/asyncapi.json`: valid AsyncAPI, and true of everything that consumers are sent."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker
from starlette.responses import JSONResponse

from activities.event_delivery.signing import signed
from api.event_delivery import asyncapi
from domain.common.contexts import ORDER_STATUS
from domain.event_delivery import log, ping
from domain.event_delivery.subscriptions import MOST_IN_BATCH
from domain.order_events import news
from domain.orders import Event, HistoryEntry, Order
from domain.visits import TimeWindow
from runtime.secret_seal import new_secret
from runtime.settings import Settings
from tests.api.service import Service

SCHEMA = Path(__file__).with_name("schemas") / "asyncapi-3.0.0.json"
ORIGIN = "urn:subscription-orders"
NOON = datetime(2026, 7, 15, 12, tzinfo=UTC)


@pytest.fixture
def settings(without_temporal: Settings) -> Settings:
    return without_temporal


@pytest.fixture
async def document(service: Service) -> dict[str, Any]:
    answer = await service.http.get("/asyncapi.json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    found: dict[str, Any] = answer.json()
    return found


def of(document: dict[str, Any], message: str, part: str) -> Draft7Validator:
    """Return the validator of a message's payload or headers."""
    schema = document["components"]["messages"][message][part]
    return Draft7Validator(schema | {"components": document["components"]}, format_checker=FormatChecker())


def sent() -> list[tuple[str, dict[str, Any]]]:
    """Return two events of each type as they are sent: with few facts, and with all."""
    history = [HistoryEntry(event, NOON, by="engineer:kr-11-1") for event in Event]
    bare = Order("o1", "c1", product_id="2001", history=history)
    window = TimeWindow(NOON, NOON + timedelta(hours=2))
    full = [
        HistoryEntry(event, NOON, by="customer:c1", region="KR-11", engineer_id="kr-11-1", visit=window, round=1)
        for event in Event
    ]
    known = Order("o2", "c1", product_id="2001", history=full, install_completed_at=NOON)
    return [
        (event.event, json.loads(log.document_of(event, ORDER_STATUS, 1, origin=ORIGIN)))
        for order in (bare, known)
        for event in news(order, None, None).events
    ]


async def test_it_is_valid_asyncapi(document: dict[str, Any]) -> None:
    schema = json.loads(SCHEMA.read_text())
    errors = [*Draft7Validator(schema).iter_errors(document)]

    assert [error.message for error in errors] == []
    assert document["asyncapi"] == "3.0.0"
    assert [*Draft7Validator(schema).iter_errors(document | {"channels": {"a": {"adress": "b"}}})]


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, list):
            return [found for each in value for found in references(each)]
        if not isinstance(value, dict):
            return []
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + references([*value.values()])

    found = references(document)
    assert len(found) > 40
    for reference in found:
        value: Any = document
        for part in reference.removeprefix("#/").split("/"):
            value = value[part]


async def test_each_event_that_is_sent_is_as_described(document: dict[str, Any]) -> None:
    events = sent()

    assert {name for name, _ in events} | {"Ping", "Batch"} == set(document["components"]["messages"])
    for name, event in events:
        assert [error.message for error in of(document, name, "payload").iter_errors(event)] == [], name
        # Nothing is sent that is not described.
        described = document["components"]["schemas"]
        assert set(event) == set(described["EventResponse"]["properties"])
        assert set(event["data"]) == set(described["OrderFacts"]["properties"])
        assert not of(document, name, "payload").is_valid(event | {"type": "orders.Other"})
        assert not of(document, name, "payload").is_valid(event | {"sequence": "1"})


async def test_a_batch_of_events_is_as_described(document: dict[str, Any]) -> None:
    events = [event for _, event in sent()]
    batch = of(document, "Batch", "payload")

    assert len(events) <= MOST_IN_BATCH
    for of_batch in (events, events[:1]):
        assert [error.message for error in batch.iter_errors(of_batch)] == []
    for other in ([], events[0], [events[0] | {"sequence": "1"}], [events[0]] * (MOST_IN_BATCH + 1)):
        assert not batch.is_valid(other)
    message = document["components"]["messages"]["Batch"]
    assert message["contentType"] == "application/cloudevents-batch+json"
    [operation] = [
        name
        for name, operation in document["operations"].items()
        if {"$ref": "#/channels/orderEvents/messages/Batch"} in operation["messages"]
    ]
    assert operation == "sendBatches"


async def test_a_ping_is_as_described(document: dict[str, Any]) -> None:
    event = json.loads(ping.document_of("ping-1", "s1", NOON, origin=ORIGIN))

    assert [error.message for error in of(document, "Ping", "payload").iter_errors(event)] == []
    assert set(event) == set(document["components"]["schemas"]["PingEvent"]["properties"])


async def test_the_signature_is_as_described(document: dict[str, Any]) -> None:
    headers = dict(signed("e1", "{}", [new_secret(), new_secret()], NOON))

    validator = of(document, "JoinOrdered", "headers")
    assert [error.message for error in validator.iter_errors(headers)] == []
    assert set(headers) == set(document["components"]["schemas"]["Signature"]["required"])
    assert not validator.is_valid(headers | {"webhook-signature": "v2,abc"})


async def test_the_document_is_rendered_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = []

    class Counted(JSONResponse):
        def render(self, content: object) -> bytes:
            rendered.append(content)
            return super().render(content)

    monkeypatch.setattr(asyncapi, "JSONResponse", Counted)
    for _ in range(3):
        await service.http.get("/asyncapi.json")

    assert len(rendered) == 1
