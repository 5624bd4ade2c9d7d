"""A consumer in the process of the test, which answers whatever a script writes."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Consumer:
    """What came, and where."""

    port: int = 0
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    closed: int = 0

    def headers(self, number: int = -1) -> dict[str, str]:
        """Return the headers of a request, by their names in small letters."""
        lines = (line.split(": ", 1) for line in self.heads[number].splitlines()[1:] if line)
        return {name.lower(): value for name, value in lines}


def answering(text: str) -> Script:
    """Return a script that writes a text."""

    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(text.replace("\n", "\r\n").encode("latin-1"))
        await writer.drain()

    return write


def status(code: int, *headers: str) -> Script:
    """Return a script that answers with a status."""
    return answering("\n".join([f"HTTP/1.1 {code} Test", *headers, "Content-Length: 0", "", ""]))


OK = answering("HTTP/1.1 204 No Content\n\n")
REFUSED, BROKEN, BAD_GATEWAY, GONE = (status(code) for code in (400, 500, 502, 410))


async def silent(writer: asyncio.StreamWriter) -> None:
    """A script that never answers."""
    await asyncio.Event().wait()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """A script that closes the connection."""
    writer.close()


@asynccontextmanager
async def consumer(
    script: Script = OK, *, tls: ssl.SSLContext | None = None, close: bool = False
) -> AsyncIterator[Consumer]:
    """Run a consumer. It answers nobody any more who has closed the connection.

    Args:
        script: What it writes after each request.
        tls: Its certificate, if it is encrypted.
        close: Whether it closes the connection after each answer.
    """
    seen = Consumer()
    tasks = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        seen.connections += 1

        def ending(read: asyncio.Task[bytes]) -> None:
            if read.cancelled() or read.exception() or not read.result():
                task.cancel()

        first = b""
        try:
            while True:
                head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = [line for line in head.splitlines() if line.lower().startswith("content-length:")]
                body = await reader.readexactly(int(length[0].split(":")[1])) if length else b""
                seen.heads.append(head)
                seen.bodies.append(body)
                following = asyncio.create_task(reader.read(1))
                following.add_done_callback(ending)
                await script(writer)
                if close:
                    break
                first = await following
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            seen.closed += 1
            writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0, ssl=tls)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def in_turn(*scripts: Script) -> Script:
    """Return a script that answers each request by the next of these scripts."""
    left = iter(scripts)

    async def answer(writer: asyncio.StreamWriter) -> None:
        await next(left)(writer)

    return answer
