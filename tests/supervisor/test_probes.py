"""What the supervisor takes for a process that hangs."""

import asyncio

import pytest

from supervisor.process import answers, lives
from tests.eventually import PATIENCE


async def probed(response: bytes | None, within: float = PATIENCE) -> tuple[bool, bool]:
    """Probe a server that sends a response and closes the connection, or that only accepts it (`None`)."""
    opened = []

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        if response is not None:
            writer.write(response)
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/health/live"
        found = await answers(url, within), await lives(url, within)
        for writer in opened:
            writer.close()
    return found


@pytest.mark.parametrize(
    ("response", "answered", "alive"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True, True),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", False, False),
        (b"", False, True),
    ],
    ids=["an answer", "another answer", "too many connections"],
)
async def test_a_process_that_closes_the_connection_does_not_hang(response: bytes, answered: bool, alive: bool) -> None:
    assert await probed(response) == (answered, alive)


async def test_a_process_that_says_nothing_hangs() -> None:
    assert await probed(None, within=0.1) == (False, False)


async def test_where_nobody_listens_nothing_lives(unused_tcp_port: int) -> None:
    assert not await lives(f"http://127.0.0.1:{unused_tcp_port}/health/live")
