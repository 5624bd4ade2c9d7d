"""Requests that are too large or too slow, as no client library sends them."""

import socket
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from api.http import bodies
from runtime import http_protocol as protocol
from runtime.settings import Settings
from tests.api.service import listening
from tests.eventually import PATIENCE


@pytest.fixture
def settings(without_temporal: Settings) -> Settings:
    return without_temporal


REQUEST = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture
def url(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An API that waits longer than the clients here. What is too slow for it, each test says itself."""
    monkeypatch.setattr(protocol, "HEAD_WITHIN", 2 * PATIENCE)
    monkeypatch.setattr(bodies, "BODY_WITHIN", 2 * PATIENCE)
    with listening(settings) as url:
        yield url


def connected(url: str, timeout: float = PATIENCE) -> closing[socket.socket]:
    host, _, port = url.removeprefix("http://").partition(":")
    return closing(socket.create_connection((host, int(port)), timeout))


def is_closed_on(connection: socket.socket, *pieces: bytes) -> bool:
    """Return whether the server closes the connection while a client sends this, whatever it answers."""
    try:
        for piece in pieces:
            connection.sendall(piece)
            with suppress(TimeoutError):
                while connection.recv(65536):
                    pass
                return True
    except ConnectionError:
        return True
    return False


def answer_to(url: str, *pieces: bytes) -> bytes:
    """Send this, then wait. Returns everything that the server sends until it closes the connection."""
    with connected(url) as connection:
        said = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
            while received := connection.recv(65536):
                said += received
        except ConnectionError:  # closed with something unread
            pass
        return said


@pytest.mark.parametrize("size", [protocol.LARGEST_HEAD, 1024 * 1024])
@pytest.mark.parametrize("ending", [b"\r\n\r\n", b""])
def test_a_head_that_is_too_large_is_refused(url: str, size: int, ending: bytes) -> None:
    said = answer_to(url, REQUEST + b"X: " + b"x" * size + ending)

    assert said.startswith(b"HTTP/1.1 431 ") or (not said and size > protocol.LARGEST_HEAD)


@pytest.mark.parametrize(
    "pieces", [(), (b"GET",), (REQUEST,), (REQUEST + b"\r\n" + REQUEST,)], ids=["none", "a word", "some", "a later one"]
)
def test_a_head_that_does_not_come_is_not_waited_for(
    url: str, pieces: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_WITHIN", 0.3)
    assert b"HTTP/1.1 408 " in answer_to(url, *pieces)


def test_a_head_in_pieces_is_put_together(url: str) -> None:
    said = answer_to(url, REQUEST[:7], REQUEST[7:] + b"Connection: close\r\n", b"\r\n")

    assert said.startswith(b"HTTP/1.1 200 ")


def test_a_body_that_does_not_come_is_not_waited_for(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_WITHIN", 0.1)
    head = b"POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    said = answer_to(url, head)

    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"/problems/too-slow" in said


@pytest.mark.parametrize(
    ("request_", "drop"),
    [
        (REQUEST + b"Content-Length: 60000\r\n\r\n", b"x"),
        (REQUEST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (REQUEST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
        (REQUEST + b"\r\n", b"\r\n"),
    ],
    ids=["a body", "chunks", "trailing fields", "blank lines"],
)
def test_nobody_keeps_a_connection_by_what_trickles_in_after_the_answer(
    url: str, request_: bytes, drop: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_WITHIN", 0.3)
    with connected(url, timeout=0.05) as connection:
        assert is_closed_on(connection, request_, *[drop] * 400)


def test_a_request_has_an_end(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LARGEST_REQUEST", 256 * 1024)
    # The connection is closed, or this would go on waiting.
    answer_to(url, REQUEST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"x" * 8 * 1024 * 1024)


def test_what_trails_a_body_is_no_header(url: str) -> None:
    head = b"POST /orders HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"

    said = answer_to(url, head + b"2\r\n{}\r\n0\r\nContent-Type: application/json\r\n\r\n")

    assert said.startswith(b"HTTP/1.1 415 ")
