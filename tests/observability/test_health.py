import asyncio
import socket
from contextlib import AsyncExitStack, closing

import httpx2
import pytest
from starlette import requests

from harness.ports import free_port
from observability import health
from observability.health import Health, serve_health
from runtime import http_protocol
from tests.eventually import PATIENCE


@pytest.fixture
def port() -> int:
    return free_port()


async def works() -> None: ...


async def fails() -> None:
    raise OSError


async def hangs() -> None:
    await asyncio.Event().wait()


async def test_a_process_that_starts_or_stops_is_not_ready(port: int) -> None:
    watched = Health({"store": works})
    async with (
        serve_health(watched, "127.0.0.1", port),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as http,
    ):

        async def ready() -> tuple[int, str]:
            answer = await http.get("/health/ready")
            return answer.status_code, answer.json()["status"]

        assert await ready() == (503, "starting")
        watched.ready()
        assert await ready() == (200, "ready")
        watched.stopping()
        assert await ready() == (503, "stopping")
        assert (await http.get("/health/live")).status_code == 200
        assert "process_cpu_seconds_total" in (await http.get("/metrics")).text


async def test_the_port_of_another_is_an_error(port: int) -> None:
    with closing(socket.create_server(("127.0.0.1", port))), pytest.raises(OSError, match="in use"):
        async with serve_health(Health(), "127.0.0.1", port):
            pass


async def test_who_does_not_say_what_they_want_is_not_waited_for(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_WITHIN", 0.1)
    async with serve_health(Health(), "127.0.0.1", port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /health")
        async with asyncio.timeout(PATIENCE):
            assert b"HTTP/1.1 408 " in await reader.read()
        writer.close()


async def test_there_are_so_many_connections(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "MOST_CONNECTIONS", 2)
    async with serve_health(Health(), "127.0.0.1", port), AsyncExitStack() as opened, asyncio.timeout(PATIENCE):
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            opened.callback(writer.close)
            writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b" 200 " in await reader.readline()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        opened.callback(writer.close)
        assert await reader.read() == b""


async def test_a_part_that_fails_or_hangs_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_CHECK_WITHIN", 0.05)
    watched = Health({"one": works, "two": fails, "three": hangs})
    watched.ready()

    readiness = await watched.readiness()

    assert readiness.status == "degraded"
    assert readiness.parts == {"one": "up", "two": "down", "three": "down"}


async def test_probes_at_the_same_time_share_one_check() -> None:
    checks = 0

    async def count() -> None:
        nonlocal checks
        checks += 1

    watched = Health({"store": count})
    watched.ready()

    await asyncio.gather(*(watched.readiness() for _ in range(50)))

    assert checks == 1


async def test_no_route_reads_cookies(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(requests, "cookie_parser", read.append)
    async with serve_health(Health(), "127.0.0.1", port), httpx2.AsyncClient(timeout=PATIENCE) as http:
        for path in ("/health/live", "/health/ready", "/metrics", "/unknown"):
            await http.get(f"http://127.0.0.1:{port}{path}", headers={"Cookie": "a=b"})
    assert read == []
