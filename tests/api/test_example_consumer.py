"""The example of a consumer, by requests as they are really sent and by the real `GET /events`."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event

from activities.event_delivery.connecting import NameLookups
from activities.event_delivery.sending import Sender, trusted_authorities
from activities.event_delivery.signing import signed
from domain.common.contexts import ORDER_STATUS
from domain.event_delivery.answers import Answer
from domain.event_delivery.log import document_of
from domain.event_delivery.relay import AppendEvents, OutboxEvent
from domain.event_delivery.subscriptions import MOST_IN_BATCH
from domain.event_delivery.targets import TargetRules
from examples.consumer import LARGEST, Inbox, catch_up, listening
from runtime.secret_seal import new_secret
from runtime.settings import Settings
from stores.event_delivery.log import EventLog
from tests.api.service import Service, serving

LOOPBACK = TargetRules(networks=[ip_network("127.0.0.0/8")])
SECRET = new_secret()
CONSUMER_PORT = 9100
AT = datetime(2026, 7, 15, 12, tzinfo=UTC)


def outbox_event(number: int) -> OutboxEvent:
    facts = {"orderId": f"o{number}", "position": 0, "status": "JOIN_ORDERED", "by": "고객"}
    return OutboxEvent(f"e{number}", f"o{number}", 0, "JoinOrdered", AT, facts, None)


def document(number: int) -> str:
    return document_of(outbox_event(number), ORDER_STATUS, number, origin="urn:subscription-orders")


def batch(*documents: str) -> str:
    return f"[{','.join(documents)}]"


class Sending:
    """Sends to the example as the delivery does."""

    def __init__(self, port: int, names: NameLookups) -> None:
        target = LOOPBACK.target(f"http://127.0.0.1:{port}/events")
        self.sender = Sender(target, LOOPBACK, names, trusted_authorities())

    async def post(self, number: int, *, keys: tuple[str, ...] = (SECRET,), at: datetime | None = None) -> Answer:
        headers = signed(f"e{number}", document(number), keys, at or datetime.now(UTC))
        return await self.sender.send("POST", headers, document(number).encode())

    async def post_batch(self, *documents: str) -> Answer:
        """Send events in one request. Its id is not that of an event."""
        body = batch(*documents)
        id_ = f"batch-1-9-{hashlib.sha256(body.encode()).hexdigest()[:10]}"
        content = {"Content-Type": "application/cloudevents-batch+json; charset=UTF-8"}
        return await self.sender.send(
            "POST", content | dict(signed(id_, body, [SECRET], datetime.now(UTC))), body.encode()
        )


@pytest.fixture
def names() -> Iterator[NameLookups]:
    with ThreadPoolExecutor(1) as pool:
        yield NameLookups(pool)


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(str(tmp_path / "inbox.db"))


@pytest.fixture
async def sending(inbox: Inbox, names: NameLookups) -> AsyncIterator[Sending]:
    with listening(inbox, SECRET, 0) as port:
        sending = Sending(port, names)
        async with sending.sender:
            yield sending


def done(inbox: Inbox) -> list[str]:
    """Have the example work, and return the ids of the events that it has handled now."""
    handled: list[str] = []
    inbox.work(lambda event: handled.append(event["id"]))
    return handled


async def test_each_event_is_handled_once_in_the_order_in_which_it_came(inbox: Inbox, sending: Sending) -> None:
    assert [(await sending.post(number)).status for number in (1, 2, 1)] == [204, 204, 204]
    assert done(inbox) == ["e1", "e2"]
    await sending.post(2)
    assert done(inbox) == []


async def test_each_event_of_a_batch_is_handled_once_in_the_order_of_the_batch(inbox: Inbox, sending: Sending) -> None:
    await sending.post(2)
    assert (await sending.post_batch(document(3), document(1), document(2))).status == 204
    assert done(inbox) == ["e2", "e3", "e1"]
    # It comes again, cut in another way: the ids of the events count.
    assert (await sending.post_batch(document(1), document(2), document(4))).status == 204
    assert (await sending.post_batch(document(5))).status == 204
    await sending.post(4)
    assert done(inbox) == ["e4", "e5"]


async def test_a_batch_is_stored_as_a_whole_or_not_at_all(inbox: Inbox, sending: Sending) -> None:
    for no_event in ("{}", "1", "null", "[]"):
        assert (await sending.post_batch(document(1), no_event)).status == 400
    assert done(inbox) == []
    assert (await sending.post_batch(document(1), document(2))).status == 204
    assert done(inbox) == ["e1", "e2"]


async def test_the_largest_batch_is_accepted(inbox: Inbox, sending: Sending) -> None:
    numbers = range(MOST_IN_BATCH)
    # Real events have more members.
    assert (await sending.post_batch(*(document(number).ljust(2000) for number in numbers))).status == 204
    assert done(inbox) == [f"e{number}" for number in numbers]


async def test_what_was_not_done_is_done_after_a_restart(inbox: Inbox, sending: Sending, tmp_path: Path) -> None:
    for number in (1, 2):
        await sending.post(number)

    def die(event: dict[str, Any]) -> None:
        if event["id"] == "e2":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inbox.work(die)
    assert done(Inbox(str(tmp_path / "inbox.db"))) == ["e2"]


async def test_both_signatures_count_while_a_secret_is_replaced(inbox: Inbox, sending: Sending) -> None:
    assert (await sending.post(1, keys=(new_secret(), SECRET))).status == 204
    assert done(inbox) == ["e1"]


async def test_nobody_else_is_believed(inbox: Inbox, sending: Sending) -> None:
    good = dict(signed("e1", document(1), [SECRET], datetime.now(UTC)))
    for headers, body in (
        ({}, document(1).encode()),
        (good, document(2).encode()),
        (good, batch(document(1)).encode()),
        (good, b"\xff"),
        (good | {"webhook-id": "e2"}, document(1).encode()),
        (good | {"webhook-signature": "v1"}, document(1).encode()),
        (good | {"webhook-signature": "v1,!"}, document(1).encode()),
        (good | {"webhook-timestamp": "soon"}, document(1).encode()),
    ):
        assert (await sending.sender.send("POST", headers, body)).status == 401
    assert (await sending.post(1, keys=(new_secret(),))).status == 401
    assert (await sending.post(1, at=datetime.now(UTC) - timedelta(hours=1))).status == 401
    assert (await sending.sender.send("POST", good, b" " * (LARGEST + 1))).status in (413, None)
    assert done(inbox) == []
    assert (await sending.post(1)).status == 204


async def test_it_consents_to_the_handshake(sending: Sending) -> None:
    answer = await sending.sender.send("OPTIONS", {"WebHook-Request-Origin": "localhost"})
    assert (answer.status, answer.allowed_origin) == (200, "*")


def test_other_libraries_read_the_body() -> None:
    event = read(document(1))
    assert (event.get_id(), event.get_type(), event.get_data()) == ("e1", "orders.JoinOrdered", outbox_event(1).data)


def test_other_libraries_read_each_event_of_a_batch() -> None:
    # None of them reads a batch as a whole.
    events = [read(json.dumps(event)) for event in json.loads(batch(document(1), document(2)))]
    assert [event.get_id() for event in events] == ["e1", "e2"]


def read(event: str) -> BaseCloudEvent:
    headers = {"content-type": "application/cloudevents+json; charset=UTF-8"}
    return from_structured_event(HTTPMessage(headers, event.encode()))


async def test_it_catches_up_and_knows_what_it_has(without_temporal: Settings, inbox: Inbox) -> None:
    async with serving(without_temporal) as service:
        await tell(service, 1, 2)
        await caught_up(service, inbox)
        assert done(inbox) == ["e1", "e2"]
        await tell(service, 3)
        await caught_up(service, inbox)
        assert done(inbox) == ["e3"]


@pytest.mark.parametrize("place", ["docs/events.md", "examples/consumer.py"])
def test_the_guide_and_the_example_name_the_port_on_which_the_api_listens(place: str) -> None:
    text = (Path(__file__).parents[2] / place).read_text(encoding="utf-8")

    ports = {int(port) for port in re.findall(r"(?:localhost|127\.0\.0\.1):(\d+)/event(?:s|Subscriptions)\b", text)}

    assert ports - {CONSUMER_PORT} == {Settings.model_fields["api_port"].default}


def test_after_a_gap_it_goes_on_with_what_is_left(inbox: Inbox, capsys: pytest.CaptureFixture[str]) -> None:
    queries: list[str] = []

    def fetch(query: str) -> tuple[int, dict[str, Any]]:
        queries.append(query)
        if len(queries) == 1:
            return 410, {"oldest": "7"}
        return 200, {"items": [{"source": "s", "id": "e8"}], "next": "8", "last": "8"}

    inbox.add([], "1")
    catch_up(inbox, fetch)

    assert queries == ["?limit=500&after=1", "?limit=500&after=7"]
    assert inbox.position() == "8"
    assert done(inbox) == ["e8"]
    assert "before 7 are lost" in capsys.readouterr().err


def test_an_answer_that_is_no_page_stops_it_and_loses_nothing(inbox: Inbox) -> None:
    inbox.add([], "5")
    with pytest.raises(RuntimeError, match="503"):
        catch_up(inbox, lambda _: (503, {"title": "No answer in time"}))
    assert inbox.position() == "5"


async def tell(service: Service, *numbers: int) -> None:
    """Append events to the log, as the relay does."""
    log: EventLog = service.app.state.services.get(EventLog)
    position = await log.position(ORDER_STATUS)
    events = [outbox_event(number) for number in numbers]
    await log.append(AppendEvents(ORDER_STATUS, position, events, position + len(events)))


async def caught_up(service: Service, inbox: Inbox) -> None:
    loop = asyncio.get_running_loop()

    async def get(query: str) -> tuple[int, dict[str, Any]]:
        answer = await service.http.get("/events" + query)
        return answer.status_code, answer.json()

    await asyncio.to_thread(
        catch_up, inbox, lambda query: asyncio.run_coroutine_threadsafe(get(query), loop).result(60)
    )
