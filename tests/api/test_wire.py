"""Requests that no client library would send: too large, or too slow."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from api import bodies, protocol
from settings import Settings
from tests.api.service import listening

REQUEST = b"GET /health/live HTTP/1.1\r\nHost: api\r\n"


@pytest.fixture
def url(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(protocol, "HEAD_WITHIN", 0.3)
    monkeypatch.setattr(bodies, "BODY_WITHIN", 0.1)
    with listening(settings) as url:
        yield url


def answer_to(url: str, *pieces: bytes) -> bytes:
    """All that the server says to somebody who sends this, and then only waits, until it closes the connection."""
    host, _, port = url.removeprefix("http://").partition(":")
    with closing(socket.create_connection((host, int(port)), timeout=20)) as connection:
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
def test_a_head_that_does_not_come_is_not_waited_for(url: str, pieces: tuple[bytes, ...]) -> None:
    assert b"HTTP/1.1 408 " in answer_to(url, *pieces)


def test_a_head_in_pieces_is_put_together(url: str) -> None:
    said = answer_to(url, REQUEST[:7], REQUEST[7:] + b"Connection: close\r\n", b"\r\n")

    assert said.startswith(b"HTTP/1.1 200 ")


def test_a_body_that_does_not_come_is_not_waited_for(url: str) -> None:
    head = b"POST /orders HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    said = answer_to(url, head)

    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"/problems/too-slow" in said
