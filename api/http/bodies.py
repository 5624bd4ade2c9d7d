"""Checks the body of a request as a whole: its size, its media type, its encoding, and that it is a JSON object.

The number and the nesting of its values are bounded before anything looks at one of them.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NoReturn

from fastapi import Request
from starlette.exceptions import HTTPException

from api.http.errors import NoAnswerInTime

LARGEST_BODY = 64 * 1024
"""The largest body, in bytes."""
BODY_WITHIN = 10.0
"""Seconds within which the whole body has to arrive."""
LARGEST_PAYLOADS = 2 * 1024 * 1024
"""The largest body of payloads, in bytes: as much as Temporal stores in one event."""
MOST_SEPARATORS = 30_000
"""The largest number of commas and opening brackets in a body that is parsed: each value but the first has one."""
DEEPEST = 10
"""The deepest nesting of values. No operation needs more than four levels."""
PARSED_AT_ONCE = 8 * 1024
"""The largest body, in bytes, that is parsed beside others in one turn of the event loop."""
MOST_VALUES = 1000
"""The largest number of values in a body, known or not."""
LONGEST_INTEGER = 400
"""Characters of an integer. The time to read one grows with the square of its length."""
LARGE_AT_ONCE = 4
"""Large bodies that a process reads and handles at once."""
TURN_WITHIN = 2.0
"""Seconds for which a large body waits while as many are handled."""


def _reject_constant(constant: str) -> NoReturn:
    """Reject NaN and the infinities, which are not JSON, although Python reads them."""
    raise ValueError(constant)


def _parse_integer(digits: str) -> int:
    if len(digits) > LONGEST_INTEGER:
        raise ValueError("too long an integer")
    return int(digits)


_JSON = json.JSONDecoder(parse_constant=_reject_constant, parse_int=_parse_integer)


def parse(text: str) -> Any:
    """Parse JSON.

    Raises:
        ValueError: it is not JSON, or contains too long a number.
        RecursionError: it is nested too deeply to be parsed.
    """
    return _JSON.decode(text)


def check_structure(content: Any, most: int) -> None:
    """Check the number and the nesting of the values in a body.

    Raises:
        HTTPException: there are more than `most`, or some are nested too deeply.
    """
    level, found = [content], 0
    for _ in range(DEEPEST + 1):
        containers = [value for value in level if isinstance(value, dict | list)]
        level = [value for each in containers for value in (each.values() if isinstance(each, dict) else each)]
        found += len(level)
        if found > most:
            raise HTTPException(422, f"the body contains more than {most} values")
        if not level:
            return
    raise HTTPException(422, f"the values of the body are nested more than {DEEPEST} levels deep")


class JsonRequest(Request):
    """A request whose body, if it has one, is a JSON object in UTF-8 of bounded size.

    Errors are raised as `HTTPException`, because FastAPI replaces any other error by its own response.
    """

    largest = LARGEST_BODY
    most_values = MOST_VALUES
    _whole: bytes | None = None

    async def body(self) -> bytes:
        """Return the body, after checking its size and its media type."""
        if self._whole is None:
            # Check the announced length first: a client that waits for `100 Continue` then never sends the body.
            length = self.headers.get("content-length", "")
            self._check_size(int(length[:20]) if length.isdecimal() else 0)
            self._whole = await self._read()
            if self._whole and not _is_json(self.headers.get("content-type", "")):
                raise HTTPException(415, "the content type has to be application/json")
        return self._whole

    async def json(self) -> Any:
        """Return the object in the body."""
        whole = await self.body()
        if len(whole) <= PARSED_AT_ONCE:
            return self._parsed(whole)
        # One in each turn of the event loop: many at once would keep it from everybody else.
        async with self.app.state.parsing:
            await asyncio.sleep(0)
            return self._parsed(whole)

    def _parsed(self, whole: bytes) -> Any:
        if sum(map(whole.count, (b",", b"[", b"{"))) > MOST_SEPARATORS:
            raise HTTPException(422, "the body contains too many values")
        try:
            content = parse(whole.decode())
        except UnicodeDecodeError:
            raise HTTPException(400, "the body is not UTF-8") from None
        except (ValueError, RecursionError):
            # The body is not JSON, or is nested too deeply, or contains too long a number.
            raise HTTPException(400, "the body is not valid JSON") from None
        if not isinstance(content, dict):
            raise HTTPException(422, "the body has to be an object")
        check_structure(content, self.most_values)
        return content

    async def _read(self) -> bytes:
        chunks, size = [], 0
        try:
            async with asyncio.timeout(BODY_WITHIN):
                async for chunk in self.stream():
                    size += len(chunk)
                    self._check_size(size)
                    chunks.append(chunk)
        except TimeoutError:
            # A client that keeps sending slowly would keep the connection.
            raise HTTPException(408, "the body did not arrive in time", {"Connection": "close"}) from None
        return b"".join(chunks)

    def _check_size(self, size: int) -> None:
        if size > self.largest:
            raise HTTPException(413, f"the body is larger than {self.largest} bytes")


class LargeJsonRequest(JsonRequest):
    """A request whose body may be as large as an event in Temporal."""

    largest = LARGEST_PAYLOADS
    most_values = MOST_SEPARATORS


class LargeBodies:
    """Lets in a few large bodies at once. Each takes as much memory and time as many others.

    A body is not read while it waits, and so takes no memory.
    """

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(LARGE_AT_ONCE)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until a large body may be read.

        Raises:
            NoAnswerInTime: too many others are read and handled.
        """
        try:
            async with asyncio.timeout(TURN_WITHIN):
                await self._slots.acquire()
        except TimeoutError:
            raise NoAnswerInTime("too many large requests at once") from None
        try:
            yield
        finally:
            self._slots.release()


def _is_json(content_type: str) -> bool:
    media_type, _, parameters = content_type.partition(";")
    charset = parameters.partition("charset=")[2].split(";")[0].strip().strip('"')
    return media_type.strip().lower() == "application/json" and charset.lower() in ("", "utf-8", "utf8")
