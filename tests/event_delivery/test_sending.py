"""Whatever a consumer does, sending ends with one outcome, in time, and reads little of what comes."""

import asyncio
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import Any

import httpcore2
import pytest

from activities.event_delivery import connecting
from activities.event_delivery.connecting import NameLookups
from activities.event_delivery.sending import Sender
from domain.event_delivery.answers import Failure, Outcome
from domain.event_delivery.targets import Address, TargetRules
from harness.ports import free_port
from tests.event_delivery.certificates import contexts
from tests.event_delivery.consumer import OK, Script, answering, consumer, silent
from tests.event_delivery.hostile import SOON, bomb, flood, interim, sender, sent, trickle
from tests.eventually import PATIENCE, soon

PUBLIC = TargetRules()


@pytest.fixture
def names() -> Iterator[NameLookups]:
    with ThreadPoolExecutor(4) as pool:
        yield NameLookups(pool)


async def test_a_request_is_sent_as_it_is_and_its_connection_is_used_again(names: NameLookups) -> None:
    async with (
        consumer(answering("HTTP/1.1 200 OK\nContent-Length: 2\n\n{}")) as seen,
        sender(f"http://127.0.0.1:{seen.port}/events?of=isp", names) as made,
    ):
        for _ in range(2):
            answer = await made.send("POST", {"X-Of": "test"}, '{"a":"é"}'.encode())

            assert (answer.outcome, answer.status, answer.failure) == (Outcome.DELIVERED, 200, None)
        assert seen.heads[0].startswith("POST /events?of=isp HTTP/1.1\r\n")
        assert seen.headers()["host"] == f"127.0.0.1:{seen.port}"
        assert seen.headers()["x-of"] == "test"
        assert seen.headers()["accept-encoding"] == "identity"
        assert seen.bodies == ['{"a":"é"}'.encode()] * 2
        assert seen.connections == 1
        assert "cookie" not in seen.headers()


@pytest.mark.parametrize(
    ("script", "outcome", "status", "failure"),
    [
        (flood, Outcome.DELIVERED, 200, None),
        (bomb, Outcome.DELIVERED, 200, None),
        (interim, Outcome.UNREACHABLE, None, Failure.NOT_HTTP),
        (answering("HTTP/1.1 500 X\n" + "a: b\n" * 10_000 + "\n"), Outcome.REFUSED, 500, None),
        (answering("HTTP/1.1 200 OK\na: " + "b" * 200_000 + "\n\n"), Outcome.UNREACHABLE, None, Failure.NOT_HTTP),
        (answering("220 mail.example ESMTP\n\n"), Outcome.UNREACHABLE, None, Failure.NOT_HTTP),
        (answering(""), Outcome.UNREACHABLE, None, Failure.NOT_HTTP),
        (answering("HTTP/1.1 200 OK\nContent-Length: 9\n\n{}"), Outcome.UNREACHABLE, None, Failure.NOT_HTTP),
        (answering("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nzz\n"), Outcome.UNREACHABLE, None, Failure.NOT_HTTP),
    ],
    ids=["gigabyte", "bomb", "interim", "headers", "header", "mail", "nothing", "short", "chunks"],
)  # fmt: skip
async def test_a_hostile_answer_has_one_outcome(
    script: Script, outcome: Outcome, status: int | None, failure: Failure | None, names: NameLookups
) -> None:
    answer = await sent(script, names, close=True)

    assert (answer.outcome, answer.status, answer.failure) == (outcome, status, failure)


@pytest.mark.parametrize("script", [silent, trickle])
async def test_an_answer_that_does_not_end_in_time_is_none(script: Script, names: NameLookups) -> None:
    answer = await sent(script, names, within=SOON)

    assert (answer.outcome, answer.failure) == (Outcome.UNREACHABLE, Failure.TIMED_OUT)


async def test_a_redirect_is_not_followed(names: NameLookups) -> None:
    async with (
        consumer() as elsewhere,
        consumer(
            answering(f"HTTP/1.1 302 Found\nLocation: http://127.0.0.1:{elsewhere.port}/\nContent-Length: 0\n\n")
        ) as seen,
        sender(f"http://127.0.0.1:{seen.port}/", names) as made,
    ):
        answer = await made.send("POST", {})

        assert (answer.outcome, answer.status) == (Outcome.UNREACHABLE, 302)
        assert elsewhere.connections == 0


async def test_a_consumer_says_when_to_come_back_and_what_it_allows(names: NameLookups) -> None:
    ahead = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    text = f"HTTP/1.1 429 Later\nRetry-After: 7\nDate: {ahead}\nWebHook-Allowed-Origin: *\nWebHook-Allowed-Rate: 120\n"

    answer = await sent(answering(f"{text}Content-Length: 0\n\n"), names)

    assert (answer.outcome, answer.retry_after) == (Outcome.THROTTLED, 7)
    assert (answer.allowed_origin, answer.allowed_rate) == ("*", 120)
    assert answer.clock_skew is not None
    assert answer.clock_skew > 60


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("9" * 50, 3600),
        ("-1", None),
        ("soon", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Thu, 99 Jan 1970 00:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -0100", None),
        ("٣", None),
    ],
)
async def test_an_odd_retry_after_stalls_nobody(retry_after: str, seconds: float | None, names: NameLookups) -> None:
    head = f"HTTP/1.1 429 Later\nRetry-After: {retry_after.encode().decode('latin-1')}\nContent-Length: 0\n\n"

    assert (await sent(answering(head), names)).retry_after == seconds


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 -0100", "noon"])
async def test_an_odd_date_says_nothing(date: str, names: NameLookups) -> None:
    answer = await sent(answering(f"HTTP/1.1 204 No Content\nDate: {date}\n\n"), names)

    assert (answer.outcome, answer.clock_skew) == (Outcome.DELIVERED, None)


async def test_a_certificate_has_to_be_of_the_host(names: NameLookups, tmp_path: Path) -> None:
    server, trusting = contexts(tmp_path, "localhost")
    async with consumer(OK, tls=server) as seen:
        async with sender(f"https://localhost:{seen.port}/", names, trusted=trusting) as made:
            assert (await made.send("POST", {})).outcome is Outcome.DELIVERED
        for host, trusted in (("127.0.0.1", trusting), ("localhost", ssl.create_default_context())):
            async with sender(f"https://{host}:{seen.port}/", names, trusted=trusted) as made:
                answer = await made.send("POST", {})
            assert (answer.outcome, answer.failure) == (Outcome.UNREACHABLE, Failure.TLS_FAILED)
        assert len(seen.heads) == 1


@pytest.mark.parametrize(
    ("version", "failure"),
    [(ssl.TLSVersion.TLSv1_2, Failure.TLS_FAILED), (ssl.TLSVersion.TLSv1_3, Failure.NOT_HTTP)],
)
async def test_a_consumer_that_demands_a_certificate_is_an_answer(
    version: ssl.TLSVersion, failure: Failure, names: NameLookups, tmp_path: Path
) -> None:
    server, trusting = contexts(tmp_path, "localhost")
    server.verify_mode = ssl.CERT_REQUIRED
    server.maximum_version = version  # with 1.3, the server refuses after the client's handshake
    async with (
        consumer(OK, tls=server) as seen,
        sender(f"https://localhost:{seen.port}/", names, trusted=trusting) as made,
    ):
        answer = await made.send("POST", {})

    assert (answer.outcome, answer.failure) == (Outcome.UNREACHABLE, failure)


@pytest.mark.parametrize(
    ("fails", "error", "within", "failure"),
    [
        ("read", ssl.SSLError("bad record"), PATIENCE, Failure.NOT_HTTP),
        ("read", OSError("odd"), PATIENCE, Failure.NOT_HTTP),
        ("write", OSError("odd"), PATIENCE, Failure.NOT_HTTP),
        ("write", ssl.SSLError("bad record"), SOON, Failure.TIMED_OUT),  # an answer to half a request may come
    ],
)
async def test_whatever_fails_on_the_way_is_an_answer(
    fails: str,
    error: OSError,
    within: float,
    failure: Failure,
    names: NameLookups,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend, connect = httpcore2.AnyIOBackend, httpcore2.AnyIOBackend.connect_tcp

    async def failing(*_: object, **__: object) -> bytes:
        raise error

    async def connected(self: httpcore2.AnyIOBackend, host: str, port: int, **given: Any) -> Any:
        stream = await connect(self, host, port, **given)
        monkeypatch.setattr(stream, fails, failing)
        return stream

    monkeypatch.setattr(backend, "connect_tcp", connected)

    answer = await sent(answering(""), names, close=True, within=within)

    assert (answer.outcome, answer.failure) == (Outcome.UNREACHABLE, failure)


async def test_a_handshake_that_does_not_end_leaves_no_connection(names: NameLookups) -> None:
    async with (
        consumer(silent) as seen,
        sender(f"https://127.0.0.1:{seen.port}/", names, within=SOON) as made,
    ):
        answer = await made.send("POST", {})

        assert answer.failure is Failure.TIMED_OUT
        await soon(lambda: _is(seen.closed == seen.connections == 1), what="the connection is closed")


async def _is(condition: bool) -> bool:
    return condition


async def test_nobody_listens_and_nobody_has_the_name(names: NameLookups) -> None:
    port = free_port()
    for url, failure in (
        (f"http://127.0.0.1:{port}/", Failure.NOT_CONNECTED),
        (f"http://nobody.invalid:{port}/", Failure.NAME_UNKNOWN),
    ):
        async with sender(url, names) as made:
            answer = await made.send("POST", {})
        assert (answer.outcome, answer.failure) == (Outcome.UNREACHABLE, failure)


class Resolver:
    """Answers each lookup by the next list of addresses, and notes where connections go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
        self.lookups = 0
        self.connected: list[str] = []
        self._answers = iter(answers)
        monkeypatch.setattr(connecting, "resolved", self._resolved)
        monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", self._connect)

    def _resolved(self, host: str) -> list[Address]:
        self.lookups += 1
        return [ip_address(address) for address in next(self._answers)]

    async def _connect(self, host: str, port: int, **_: object) -> httpcore2.AsyncNetworkStream:
        self.connected.append(host)
        raise httpcore2.ConnectError


async def test_a_name_is_resolved_once_and_the_address_that_was_checked_is_connected_to(
    names: NameLookups, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = Resolver(monkeypatch, ["1.1.1.1"], ["10.0.0.1"], ["1.1.1.1", "127.0.0.1"])
    async with sender("https://rebinding.example/", names, PUBLIC) as made:
        outcomes = [(await made.send("POST", {})).outcome for _ in range(3)]

    assert outcomes == [Outcome.UNREACHABLE, Outcome.FORBIDDEN, Outcome.FORBIDDEN]
    assert resolver.connected == ["1.1.1.1"]
    assert resolver.lookups == 3


async def test_the_next_address_is_tried_where_the_first_does_not_answer(
    names: NameLookups, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = Resolver(monkeypatch, [str(IPv4Address("1.1.1.0") + number) for number in range(9)])
    async with sender("https://many.example/", names, PUBLIC) as made:
        await made.send("POST", {})

    assert resolver.connected == ["1.1.1.0", "1.1.1.1", "1.1.1.2"]


async def test_a_name_server_that_hangs_holds_one_thread_for_a_name_whoever_asks(
    monkeypatch: pytest.MonkeyPatch, names: NameLookups
) -> None:
    lookups, answer = [], asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang(host: str) -> list[Address]:
        lookups.append(host)
        asyncio.run_coroutine_threadsafe(answer.wait(), loop).result()
        return [ip_address("127.0.0.1")]

    monkeypatch.setattr(connecting, "resolved", hang)
    monkeypatch.setattr(connecting, "RESOLVE_WITHIN", SOON)
    async with consumer() as seen, sender(f"http://hanging.example:{seen.port}/", names) as made:
        for _ in range(6):
            assert (await made.send("POST", {})).failure is Failure.NAME_UNKNOWN
        async with sender(f"http://hanging.example:{seen.port}/", names) as other:
            assert (await other.send("POST", {})).failure is Failure.NAME_UNKNOWN
        assert len(lookups) == 1
        answer.set()
        await soon(lambda: _delivered(made), what="the name server answers again")


async def _delivered(made: Sender) -> bool:
    return (await made.send("POST", {})).outcome is Outcome.DELIVERED
