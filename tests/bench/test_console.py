"""The bench of the console measures what it says, and notices if a change is missing."""

import asyncio
from contextlib import suppress

import pytest

from bench import console, console_listeners
from bench.console_listeners import Listener, listening
from harness.browser import PROGRAM
from tests.eventually import soon
from tests.programs import program

PAGES = [
    "board",
    "attention",
    "search, nothing found",
    "numbers of the board",
    "an engineer's day",
    "/health/live",
]
EVENTS = b"retry: 2000\n\nevent: live\ndata: \n\nid: 7\nevent: row\ndata: <tr>\ndata: </tr>\n\nid: 8\nevent: row\n"


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


@pytest.mark.parametrize("size", [1, 7, len(EVENTS)])
async def test_a_listener_hears_of_whole_events_however_they_are_cut(size: int) -> None:
    listener = Listener(b"")
    listener.data_received(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for first in range(0, len(EVENTS), size):
        listener.data_received(chunked(EVENTS[first : first + size]))

    assert listener.live.done()
    assert list(listener.heard) == [7]
    assert [delay < 60 for delay in await listener.delays({7: listener.heard[7]})] == [True]


async def test_a_stream_that_is_refused_is_no_listener() -> None:
    listener = Listener(b"")
    listener.data_received(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
    listener.connection_lost(None)

    with pytest.raises(ConnectionError, match="refused"):
        await listener.live


async def test_a_stream_that_the_console_gives_up_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_listeners, "_BACK_AFTER", 0)
    heads: list[bytes] = []
    ended: list[asyncio.StreamWriter] = []

    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        with suppress(ConnectionError):
            if len(heads) != 1:
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(EVENTS))
                await reader.read()
            writer.close()
            await writer.wait_closed()
        ended.append(writer)

    async def all_ended() -> bool:
        return len(ended) == len(heads)

    async with await asyncio.start_server(stream, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with listening(("127.0.0.1", port), "/board/live?after=6", "session=x", 2) as listeners:
            assert [list(listener.heard) for listener in listeners] == [[7], [7]]
        await soon(all_ended, what="the streams have ended")

    assert len(heads) == 3
    assert {head.split(b" HTTP")[0] for head in heads} == {b"GET /board/live?after=6"}


@pytest.mark.whole
@pytest.mark.usefixtures("processes")
async def test_the_quick_form_measures_everything() -> None:
    program(PROGRAM)

    found = await console.measure(quick=True)

    measured = {(str(row["what"]), str(row["unit"])): float(row["measured"]) for row in found.rows}
    assert len(measured) == len(found.rows)
    assert all(measured[f"{page}, {part}", "ms"] > 0 for page in PAGES for part in ("p50", "p99"))
    for what in ("a change at 5 boards, p95", "a change on the screen, p95"):
        assert measured[what, "s"] > 0
    # What is counted does not depend on how fast the machine is.
    assert measured["board in a browser", "requests to others"] == 0
    assert measured["board in a browser", "requests"] <= 3
