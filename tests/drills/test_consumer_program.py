"""The consumer of the drills: what it writes down, and that the service is never satisfied with its lies."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from activities.event_delivery.connecting import NameLookups
from activities.event_delivery.sending import Sender, trusted_authorities
from activities.event_delivery.signing import signed
from domain.common.contexts import ORDER_STATUS
from domain.event_delivery.answers import Answer, Outcome
from domain.event_delivery.log import document_of
from domain.event_delivery.relay import OutboxEvent
from domain.event_delivery.targets import TargetRules
from harness.consumer import Consumer
from harness.ledger import HANDLED, Ledger, Manners, opened
from harness.lies import LIES, LONG
from runtime.secret_seal import new_secret
from tests.eventually import PATIENCE, soon

LOOPBACK = TargetRules(networks=[ip_network("127.0.0.0/8")])
SECRET = new_secret()
SOON = 0.3
"""Seconds in which a consumer has to answer that never will."""


def document(number: int, order_id: str = "a") -> str:
    at = datetime(2026, 7, 15, 12, tzinfo=UTC)
    event = OutboxEvent(f"{order_id}-{number}", order_id, number, "JoinOrdered", at, {"position": number}, None)
    return document_of(event, ORDER_STATUS, number, origin="urn:subscription-orders")


class Sending:
    """Sends to the consumer as the service does."""

    def __init__(self, port: int, names: NameLookups) -> None:
        self._port = port
        self._names = names
        self._trusted = trusted_authorities()

    async def post(
        self, number: int, *, order_id: str = "a", secret: str = SECRET, within: float = PATIENCE, path: str = "/events"
    ) -> Answer:
        text = document(number, order_id)
        return await self._post(f"{order_id}-{number}", text, secret, within, path)

    async def post_batch(self, *order_ids: str) -> Answer:
        documents = [document(number, order_id) for number, order_id in enumerate(order_ids)]
        return await self._post("batch", f"[{','.join(documents)}]", SECRET, PATIENCE, "/events")

    async def _post(self, message_id: str, text: str, secret: str, within: float, path: str) -> Answer:
        target = LOOPBACK.target(f"http://127.0.0.1:{self._port}{path}")
        headers = signed(message_id, text, [secret], datetime.now(UTC))
        async with Sender(target, LOOPBACK, self._names, self._trusted, answer_within=within) as sender:
            return await sender.send("POST", headers, text.encode())


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with opened(tmp_path / "ledger.db") as ledger:
        ledger.secret = SECRET
        yield ledger


@pytest.fixture
async def sending(ledger: Ledger) -> AsyncIterator[Sending]:
    server = await asyncio.start_server(Consumer("billing", ledger).converse, "127.0.0.1", 0)
    with ThreadPoolExecutor(1) as threads:
        async with server:
            yield Sending(server.sockets[0].getsockname()[1], NameLookups(threads))


async def test_it_notes_what_came_before_it_answers(sending: Sending, ledger: Ledger) -> None:
    assert (await sending.post(3)).status == HANDLED

    [request] = ledger.requests()
    assert (request.event_id, request.order_id, request.position, request.replica) == ("a-3", "a", 3, "billing")
    assert request.handled
    assert request.sequence == f"{3:020}"
    assert request.happened < request.began <= (request.ended or 0)
    assert ledger.handled() == {"a-3"}


async def test_it_believes_nobody_else(sending: Sending, ledger: Ledger) -> None:
    assert (await sending.post(1, secret=new_secret())).status == 401
    assert not ledger.requests()


async def test_it_confirms_a_batch_or_nothing_of_it(sending: Sending, ledger: Ledger) -> None:
    assert (await sending.post_batch("a", "b", "a")).status == HANDLED
    assert [(each.order_id, each.position, each.handled) for each in ledger.requests()] == [
        ("a", 0, True),
        ("b", 1, True),
        ("a", 2, True),
    ]

    ledger.manners = Manners(refuses="d")
    assert (await sending.post_batch("c", "d")).status == 400
    assert ledger.handled() == {"a-0", "b-1", "a-2"}


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_confirms_nothing_and_the_second_answer_is_honest(
    lie: str, sending: Sending, ledger: Ledger
) -> None:
    ledger.manners = Manners(lies=[lie])

    answer = await sending.post(1, within=SOON if lie in LONG else PATIENCE)

    assert answer.outcome in (Outcome.UNREACHABLE, Outcome.REFUSED)
    assert not ledger.handled()
    assert (await sending.post(1)).outcome is Outcome.DELIVERED
    assert ledger.handled() == {"a-1"}
    await soon(lambda: ended(ledger), what="it notes the end of its lie")
    assert [request.handled for request in ledger.requests()] == [False, True]


async def ended(ledger: Ledger) -> bool:
    return all(request.ended is not None for request in ledger.requests())


async def test_it_lies_in_turn_about_some_events(sending: Sending, ledger: Ledger) -> None:
    ledger.manners = Manners(lies=["an error", "a redirect"], lie_every=2)

    assert [(await sending.post(number)).status for number in range(6)] == [500, 204, 302, 204, 500, 204]


async def test_it_refuses_an_order_until_it_is_told_otherwise(sending: Sending, ledger: Ledger) -> None:
    ledger.manners = Manners(refuses="b")

    assert [(await sending.post(1, order_id=order_id)).status for order_id in "bab"] == [400, 204, 400]
    ledger.manners = Manners()
    assert (await sending.post(1, order_id="b")).status == 204


async def test_it_notes_who_followed_a_redirect(sending: Sending, ledger: Ledger) -> None:
    assert (await sending.post(1, path="/elsewhere")).status == 404
    assert ledger.astray() == ["/elsewhere"]
