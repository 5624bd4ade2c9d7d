"""A consumer of events in this process: it takes some, and refuses others."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

AWAY = "/away"
"""Path at which nothing is ever taken."""
_REFUSED = "orders.CancelOrdered"
_ANSWER = "HTTP/1.1 {} .\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@asynccontextmanager
async def picky_consumer(requests: list[bytes] | None = None) -> AsyncIterator[str]:
    """Run the consumer. Yields its URL. It refuses the event that an order is to be canceled.

    Args:
        requests: Gets each request as it came, the head and the body.
    """
    kept = [] if requests is None else requests
    server = await asyncio.start_server(partial(_converse, kept), "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _converse(kept: list[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
        head = raw.decode("latin-1").lower()
        _, _, after = head.partition("content-length:")
        body = await reader.readexactly(int(after.split("\r\n")[0])) if after else b""
        kept.append(raw + body)
        writer.write(_ANSWER.format(_status(head, body)).encode())
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def _status(head: str, body: bytes) -> int:
    if AWAY in head.partition("\r\n")[0]:
        return 503
    return 422 if body and json.loads(body)["type"] == _REFUSED else 204
