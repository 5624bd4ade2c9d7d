"""A consumer of events that notes each request in its ledger: `python -m harness.consumer REPLICA PORT LEDGER`.

It checks signatures, and confirms an event once it is noted. The ledger can tell it to lie (`Manners`).
"""

import asyncio
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from standardwebhooks import Webhook, WebhookVerificationError

from domain.event_delivery import ping
from harness.ledger import Ledger, opened
from harness.lies import LIES, Lie

PATH = "/events"
READY = "/health/ready"
_WORKS_FOR = 0.01
"""Seconds for one event, in which others may come."""
_CONSENT = "WebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: *\r\n"


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Consumer:
    """One replica."""

    def __init__(self, replica: str, ledger: Ledger) -> None:
        self._replica = replica
        self._ledger = ledger
        self._firsts = count()
        """Numbers the events that come for the first time."""
        self._lies = count()

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of a connection until it is closed."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self._answer(await _read(reader), reader, writer):
                pass
        writer.close()

    async def _answer(self, request: _Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer a request. Returns whether the connection stays open."""
        if request.method == "OPTIONS":
            return await _write(writer, HTTPStatus.OK, _CONSENT)
        if request.path == READY:
            return await _write(writer, HTTPStatus.OK)
        if request.path != PATH:
            self._ledger.go_astray(request.path)
            return await _write(writer, HTTPStatus.NOT_FOUND)
        secret = self._ledger.secret
        try:
            sent = Webhook(secret or "").verify(request.body, dict(request.headers))
        except (WebhookVerificationError, RuntimeError, ValueError):
            return await _write(writer, HTTPStatus.UNAUTHORIZED)
        events = sent if isinstance(sent, list) else [sent]
        if events[0]["type"] == ping.TYPE:
            return await _write(writer, HTTPStatus.NO_CONTENT)
        answers = [self._choose(event) for event in events]
        answer = next((each for each in answers if each != HTTPStatus.NO_CONTENT), HTTPStatus.NO_CONTENT)
        request_id, numbers = uuid4().hex, []
        for event in events:
            numbers.append(self._ledger.begin(event, self._replica, request_id))
            await asyncio.sleep(_WORKS_FOR)
        if isinstance(answer, HTTPStatus):
            self._ledger.end(numbers, answer)
            return await _write(writer, answer)
        try:
            await answer(reader, writer)
        finally:
            self._ledger.end(numbers, None)
        return False

    def _choose(self, event: Mapping[str, Any]) -> HTTPStatus | Lie:
        """Choose the answer to an event: a status, or a lie. It counts for the whole batch."""
        manners = self._ledger.manners
        if event["subject"] == manners.refuses:
            return HTTPStatus.BAD_REQUEST
        if not manners.lies or self._ledger.known(event["id"]) or next(self._firsts) % manners.lie_every:
            return HTTPStatus.NO_CONTENT
        lie: Lie = LIES[manners.lies[next(self._lies) % len(manners.lies)]]
        return lie


async def _read(reader: asyncio.StreamReader) -> _Request:
    """Read a request.

    Raises:
        IncompleteReadError, ConnectionError: the connection was closed.
    """
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    return _Request(method, path, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


async def _write(writer: asyncio.StreamWriter, status: HTTPStatus, headers: str = "") -> bool:
    length = "" if status is HTTPStatus.NO_CONTENT else "Content-Length: 0\r\n"
    writer.write(f"HTTP/1.1 {status.value} {status.phrase}\r\n{headers}{length}\r\n".encode())
    await writer.drain()
    return True


async def serve(replica: str, port: int, ledger: Ledger) -> None:
    """Receive events until the process is ended."""
    server = await asyncio.start_server(Consumer(replica, ledger).converse, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Serve as the arguments say."""
    replica, port, ledger = sys.argv[1:]
    with opened(Path(ledger)) as opened_ledger:
        asyncio.run(serve(replica, int(port), opened_ledger))


if __name__ == "__main__":
    main()
