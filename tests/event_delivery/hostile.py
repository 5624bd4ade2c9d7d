"""Answers of hostile consumers, and requests that are sent to them."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

from activities.event_delivery.connecting import NameLookups
from activities.event_delivery.sending import Sender
from domain.event_delivery.answers import Answer
from domain.event_delivery.targets import TargetRules
from tests.event_delivery.consumer import Script, consumer
from tests.eventually import PATIENCE

LOOPBACK = TargetRules(networks=[ip_network("127.0.0.0/8")])
UNTRUSTING = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
SOON = 0.3
"""Seconds in which a consumer of a test, which will never answer, has to."""
UNPACKED = 10_000_000
_BODY = gzip.compress(bytes(UNPACKED))
BOMB = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(_BODY)}\r\n\r\n".encode() + _BODY
"""A small answer whose body has `UNPACKED` bytes when it is unpacked."""
_PIECE = bytes(64 * 1024)


@asynccontextmanager
async def sender(
    url: str,
    names: NameLookups,
    rules: TargetRules = LOOPBACK,
    trusted: ssl.SSLContext = UNTRUSTING,
    within: float = PATIENCE,
) -> AsyncIterator[Sender]:
    async with Sender(rules.target(url), rules, names, trusted, answer_within=within) as made:
        yield made


async def sent(script: Script, names: NameLookups, *, within: float = PATIENCE, close: bool = False) -> Answer:
    async with (
        consumer(script, close=close) as seen,
        sender(f"http://127.0.0.1:{seen.port}/events", names, within=within) as made,
    ):
        return await made.send("POST", {}, b"{}")


async def flood(writer: asyncio.StreamWriter) -> None:
    """Answer with a body of a gigabyte, whose pieces take no new memory."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
    for _ in range(1_073_741_824 // len(_PIECE)):
        writer.write(_PIECE)
        await writer.drain()


async def interim(writer: asyncio.StreamWriter) -> None:
    """Answer forever that the answer will come."""
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100)
        await writer.drain()


async def trickle(writer: asyncio.StreamWriter) -> None:
    """Answer one byte at a time, forever."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b".")
        await asyncio.sleep(SOON / 20)


async def bomb(writer: asyncio.StreamWriter) -> None:
    """Answer with a small body that is large when it is unpacked."""
    writer.write(BOMB)
