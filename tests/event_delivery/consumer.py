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


OK = answering("HTTP/1.1 204 No Content\n\n")


async def silent(writer: asyncio.StreamWriter) -> None:
    """A script that never answers."""
    await asyncio.Event().wait()


@asynccontextmanager
async def consumer(
    script: Script = OK, *, tls: ssl.SSLContext | None = None, close: bool = False
) -> AsyncIterator[Consumer]:
    """Run a consumer.

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
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = [line for line in head.splitlines() if line.lower().startswith("content-length:")]
                body = await reader.readexactly(int(length[0].split(":")[1])) if length else b""
                seen.heads.append(head)
                seen.bodies.append(body)
                await script(writer)
                if close:
                    break
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
