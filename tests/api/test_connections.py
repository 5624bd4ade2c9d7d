"""What one connection, and one address, can keep of the API: connections, unread responses, pipelined requests."""

import asyncio
import logging
import re
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import cast
from unittest.mock import Mock

import httpx2
import pytest
import uvicorn
from prometheus_client import CollectorRegistry
from uvicorn.server import ServerState

from api.order_status import listening as stream
from domain.common import contexts
from domain.orders import Order
from observability.http_metrics import ConnectionMetrics
from runtime import http_connections, http_protocol
from runtime.addresses import networks
from runtime.http_connections import ConnectionLimits
from runtime.settings import Settings
from stores.common.database import Database
from stores.order_status.view import OrderStatusStore
from tests.api.issuer import Issuer
from tests.api.known import bearer
from tests.api.service import but, listening, served
from tests.eventually import PATIENCE, eventually

LARGE = "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
STREAM = "GET /orderStatuses/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 0\r\n{more}\r\n"
SMALL = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
NEVER = 1e6


@pytest.fixture
def settings(without_temporal: Settings) -> Settings:
    return without_temporal


@pytest.fixture(autouse=True)
def patient_with_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for long for requests, because a machine may be slow to send them."""
    monkeypatch.setattr(http_protocol, "HEAD_WITHIN", PATIENCE)


def connected(url: str) -> socket.socket:
    """Connect with a tiny receive buffer, as a client that does not want to read."""
    host, _, port = url.removeprefix("http://").partition(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    connection.settimeout(PATIENCE)
    connection.connect((host, int(port)))
    return connection


def is_closed(connection: socket.socket) -> bool:
    """Read until the server closes the connection."""
    with suppress(ConnectionError):
        while connection.recv(65536):
            pass
    return True


def is_open(connection: socket.socket) -> bool:
    """Return whether a request is answered."""
    try:
        connection.sendall(SMALL.encode())
        return connection.recv(1000).startswith(b"HTTP/1.1 200 ")
    except ConnectionError:
        return False


def listeners(url: str) -> int:
    lines = httpx2.get(f"{url}/metrics", timeout=PATIENCE).text.splitlines()
    return int(float(next(line for line in lines if line.startswith("order_status_listeners ")).split()[1]))


@pytest.fixture
def many_changes(settings: Settings) -> None:
    """Versions of orders that fill every buffer of a listener that does not read."""

    async def put() -> None:
        database = Database(settings.database_url(contexts.ORDER_STATUS), deadline_seconds=PATIENCE)
        orders = [Order(f"order-{number}", "1", installation_address="x" * 500) for number in range(1000)]
        await OrderStatusStore(database).put(orders)
        await database.dispose()

    asyncio.run(put())


@pytest.fixture
def tracebacks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Check that nothing is logged as an error."""
    yield
    for record in caplog.get_records("call"):
        assert record.levelno < logging.ERROR, record.getMessage()
        assert not record.exc_info, record.getMessage()


# --- clients that do not read -----------------------------------------------------------------------------------------


def test_who_does_not_read_the_response_is_disconnected(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tracebacks: None
) -> None:
    monkeypatch.setattr(http_protocol, "WRITE_WITHIN", 0.3)
    with served(settings, send_buffer=4096) as (url, server), ExitStack() as opened:
        for _ in range(5):
            connection = opened.enter_context(connected(url))
            connection.sendall(LARGE.encode() * 3)
        eventually(lambda: server.connection_limits.total, what="they are connected")
        eventually(lambda: server.connection_limits.total == 0, what="the connections are closed")


@pytest.mark.usefixtures("many_changes")
def test_a_listener_that_does_not_read_gives_its_seat_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tracebacks: None
) -> None:
    monkeypatch.setattr(http_protocol, "WRITE_WITHIN", 0.3)
    with served(settings, send_buffer=4096) as (url, _), connected(url) as connection:
        connection.sendall(STREAM.format(more="").encode())
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        eventually(lambda: listeners(url) == 0, what="the stream has ended")


@pytest.mark.usefixtures("many_changes")
def test_a_stream_ends_with_its_token_even_if_nobody_reads(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tracebacks: None
) -> None:
    monkeypatch.setattr(http_protocol, "WRITE_WITHIN", NEVER)
    monkeypatch.setattr(stream, "END_WITHIN", 10 - 630)
    issuer = Issuer(tmp_path / "keys.json")
    with served(but(settings, **issuer.settings), send_buffer=4096) as (url, server), connected(url) as connection:
        token = issuer.token("kim", "manager")  # for 630 seconds, with the leeway
        connection.sendall(STREAM.format(more=f"Authorization: Bearer {token}\r\n").encode())
        eventually(lambda: server.connection_limits.total == 1, what="it is connected")
        eventually(lambda: server.connection_limits.total == 0, what="the stream has ended")
        counted = httpx2.get(f"{url}/metrics", headers=bearer(issuer.token("prometheus", "operator")), timeout=PATIENCE)

    assert 'route="/orderStatuses/events",status="200"} 1.0' in counted.text
    assert "order_status_listeners 0.0" in counted.text


class Timers:
    """The timers of an event loop whose time a test moves on."""

    def __init__(self) -> None:
        self.set: list[tuple[float, Callable[[], None]]] = []

    def call_later(self, delay: float, call: Callable[[], None]) -> Mock:
        self.set.append((delay, call))
        return Mock()

    def fire(self, *, within: float) -> None:
        due = [one for one in self.set if one[0] < within]
        self.set = [one for one in self.set if one[0] >= within]
        for _, call in due:
            call()


async def test_who_takes_something_now_and_then_is_not_disconnected() -> None:
    timers, transport = Timers(), Mock()
    transport.get_write_buffer_size.return_value = 1000
    loop = cast("asyncio.AbstractEventLoop", timers)
    config = uvicorn.Config(Mock(), log_config=None)
    protocol = http_protocol.BoundedProtocol(ConnectionLimits(), config, ServerState(), {}, loop)
    protocol.connection_made(transport)
    protocol.transport.write(b"x" * 1000)

    for unsent in (999, 998, 1):
        transport.get_write_buffer_size.return_value = unsent
        for _ in range(4):
            timers.fire(within=http_protocol.WRITE_WITHIN)
    assert not transport.abort.called

    timers.fire(within=http_protocol.WRITE_WITHIN)
    timers.fire(within=http_protocol.WRITE_WITHIN)
    assert transport.abort.called


# --- connections ------------------------------------------------------------------------------------------------------


def open_connections(url: str, number: int, opened: ExitStack) -> list[socket.socket]:
    return [opened.enter_context(connected(url)) for _ in range(number)]


@pytest.mark.parametrize("limit", ["max_connections", "max_connections_per_address"])
def test_connections_beyond_the_limit_are_closed_at_once(settings: Settings, limit: str) -> None:
    with served(but(settings, **{limit: 5})) as (url, server), ExitStack() as opened:
        accepted = open_connections(url, 5, opened)
        eventually(lambda: server.connection_limits.total == 5)
        refused = open_connections(url, 20, opened)

        assert all(map(is_closed, refused))
        assert all(map(is_open, accepted))
        assert server.connection_limits.total == 5

        accepted[0].close()
        eventually(lambda: server.connection_limits.total == 4, what="one is free again")
        assert is_open(*open_connections(url, 1, opened))


def test_connections_are_counted(settings: Settings) -> None:
    registry, limits = CollectorRegistry(), ConnectionLimits(most=2)
    registry.register(ConnectionMetrics(limits))
    for _ in range(5):
        limits.admit("192.0.2.1")

    assert registry.get_sample_value("http_connections") == 2
    assert registry.get_sample_value("http_connections_refused_total") == 3
    with listening(settings) as url:
        assert "http_connections 1.0" in httpx2.get(f"{url}/metrics", timeout=PATIENCE).text


def test_an_address_has_so_many_connections_where_tokens_tell_the_clients_apart(
    settings: Settings, tmp_path: Path
) -> None:
    issuer = Issuer(tmp_path / "keys.json")
    with served(but(settings, **issuer.settings)) as (url, server), ExitStack() as opened:
        open_connections(url, 220, opened)
        eventually(lambda: server.connection_limits.total == 200)
        assert is_closed(*open_connections(url, 1, opened))
        assert server.connection_limits.total <= 200


def test_each_address_counts_for_itself_and_proxies_for_the_process_alone() -> None:
    limits = ConnectionLimits(most=6, most_per_address=2, proxies=networks("10.0.0.0/8, 192.0.2.9"))

    admitted = [
        limits.admit(host)
        for host in (
            *("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"),
            *("2001:db8::1", "2001:db8::2", "2001:db8::3"),
            *("10.1.1.1", "10.1.1.1", "10.1.1.1"),
        )
    ]

    assert admitted == [True, True, False, True, True, False, True, True, False]
    limits.release("10.1.1.1")
    limits.release("192.0.2.1")
    assert limits.total == 4
    assert [limits.admit(host) for host in ("192.0.2.1", "192.0.2.1", "10.1.1.1")] == [True, False, True]


@pytest.mark.parametrize(
    ("soft", "hard", "most", "possible", "raised"),
    [
        (1024, 4096, 2000, 2000, 2200),
        (256, 1024, 2000, 824, 1024),
        (4096, 4096, 2000, 2000, None),
        (256, 900, 0, 700, 900),
    ],
)
def test_there_are_no_more_connections_than_descriptors(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, most: int, possible: int, raised: int | None
) -> None:
    changed = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: changed.append(limits))

    assert http_connections.within_descriptors(most) == possible
    assert changed == ([] if raised is None else [(raised, hard)])


# --- pipelined requests -----------------------------------------------------------------------------------------------


def pipelined(url: str, number: int) -> socket.socket:
    """Send a request whose response does not end, and further ones that wait for it."""
    connection = connected(url)
    connection.sendall((STREAM.format(more="") + number * SMALL).encode())
    return connection


def test_so_many_requests_may_wait_on_one_connection(settings: Settings) -> None:
    with listening(settings) as url:
        with pipelined(url, http_protocol.MOST_PIPELINED) as patient:
            assert patient.recv(15) == b"HTTP/1.1 200 OK"
            with pipelined(url, http_protocol.MOST_PIPELINED + 1) as impatient:
                assert is_closed(impatient)
            eventually(lambda: listeners(url) == 1, what="only the patient one listens")
        # uvicorn tells only the latest request of a connection that its client has gone.
        eventually(lambda: listeners(url) == 0, what="the stream has ended")


def test_pipelined_requests_are_answered_in_order(settings: Settings) -> None:
    with listening(settings) as url, connected(url) as connection:
        last = SMALL.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
        connection.sendall((SMALL + SMALL.replace("live", "none") + last).encode())
        received = b""
        while piece := connection.recv(65536):
            received += piece

    assert re.findall(rb"HTTP/1.1 (\d+) ", received) == [b"200", b"404", b"200"]
