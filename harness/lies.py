"""Answers of a hostile consumer. After each one, it closes the connection."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

Lie = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Writes the answer to a request."""

_PIECE = 16 * 1024


def _text(text: str) -> Lie:
    async def write(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text.replace("\n", "\r\n").encode("latin-1"))
        await writer.drain()

    return write


def _endless(begin: str, again: str, *, pause: float = 0) -> Lie:
    """Return a lie that writes the same again until the other side closes the connection."""
    piece = again.replace("\n", "\r\n").encode("latin-1")

    async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _text(begin)(reader, writer)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return write


async def _silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Write nothing until the other side closes the connection."""
    await reader.read()


async def _nothing(*_: object) -> None:
    """Write nothing: the connection is closed."""


SHORT: Mapping[str, Lie] = {
    "an error": _text("HTTP/1.1 500 Oops\nContent-Length: 0\n\n"),
    "a redirect": _text("HTTP/1.1 302 Found\nLocation: /elsewhere\nContent-Length: 0\n\n"),
    "no HTTP": _text("I am no web server\n\n"),
    "nothing": _nothing,
    "a status that does not exist": _text("HTTP/1.1 999 Odd\nContent-Length: 0\n\n"),
    "another protocol": _text("HTTP/1.1 101 Switching Protocols\nUpgrade: h2c\nConnection: upgrade\n\n"),
    "half an answer": _text("HTTP/1.1 200 OK\nContent-Length: 100\n\nhalf"),
    "an endless body": _endless("HTTP/1.1 500 Oops\nTransfer-Encoding: chunked\n\n", f"4000\n{'x' * _PIECE}\n"),
    "endless headers": _endless("HTTP/1.1 200 OK\n", f"X-More: {'x' * _PIECE}\n"),
    "endless hints": _endless("", "HTTP/1.1 103 Early Hints\n\n" * 100),
}
"""Lies after which a sender need not wait."""
LONG: Mapping[str, Lie] = {
    "silence": _silence,
    "a trickle": _endless("HTTP/1.1 200 OK\n", "X", pause=1.0),
}
"""Lies that a sender has to end by a deadline."""
LIES: Mapping[str, Lie] = {**SHORT, **LONG}
