"""The client of the bench uses a connection again, but none that the server may close at that moment."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from harness import http_client
from harness.http_client import connections

ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
BUSY = [b"HTTP/1.1 503 Service Unavailable\r\n", b"HTTP/1.1 200 OK\r\n"]


@pytest.fixture
async def server() -> AsyncIterator[tuple[int, list[asyncio.StreamWriter]]]:
    """A server that answers everything, `/busy` at the second try. Yields its port and its connections."""
    opened: list[asyncio.StreamWriter] = []
    busy = iter(BUSY)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(next(busy) + b"Content-Length: 0\r\n\r\n" if b"/busy" in request else ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    listening = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1], opened


@pytest.mark.parametrize(("idle", "connected"), [(0.0, 1), (1.9, 1), (2.1, 2)])
async def test_a_connection_is_used_again_if_it_was_not_idle_for_long(
    server: tuple[int, list[asyncio.StreamWriter]], monkeypatch: pytest.MonkeyPatch, idle: float, connected: int
) -> None:
    port, opened = server
    now = 100.0
    monkeypatch.setattr(http_client, "monotonic", lambda: now)
    async with connections(("127.0.0.1", port), 1) as (connection,):
        assert (await connection.request("GET", "/")).status == 204
        now += idle
        assert (await connection.request("GET", "/")).status == 204

    assert len(opened) == connected


async def test_a_timed_request_is_repeated_and_its_time_goes_on(
    server: tuple[int, list[asyncio.StreamWriter]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "_RETRY_AFTER", 0.2)
    async with connections(("127.0.0.1", server[0]), 1) as (connection,):
        took, answer = await connection.timed("/busy")

    assert answer.status == 200
    assert took >= 0.2
