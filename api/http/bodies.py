"""Checks the body of a request as a whole: its size, its media type, its encoding, and that it is a JSON object."""

import asyncio
import json
from typing import Any, NoReturn

from fastapi import Request
from starlette.exceptions import HTTPException

LARGEST_BODY = 64 * 1024
"""The largest body, in bytes."""
BODY_WITHIN = 10.0
"""Seconds within which the whole body has to arrive."""
_LARGEST_PAYLOADS = 2 * 1024 * 1024
"""The largest body of payloads, in bytes: as much as Temporal stores in one event."""


def _reject_constant(constant: str) -> NoReturn:
    """Reject NaN and the infinities, which are not JSON, although Python reads them."""
    raise ValueError(constant)


_JSON = json.JSONDecoder(parse_constant=_reject_constant)


class JsonRequest(Request):
    """A request whose body, if it has one, is a JSON object in UTF-8 of bounded size.

    Errors are raised as `HTTPException`, because FastAPI replaces any other error by its own response.
    """

    largest = LARGEST_BODY
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
        try:
            content = _JSON.decode((await self.body()).decode())
        except UnicodeDecodeError:
            raise HTTPException(400, "the body is not UTF-8") from None
        except (ValueError, RecursionError):
            # The body is not JSON, or is nested too deeply, or contains too long a number.
            raise HTTPException(400, "the body is not valid JSON") from None
        if not isinstance(content, dict):
            raise HTTPException(422, "the body has to be an object")
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

    largest = _LARGEST_PAYLOADS


def _is_json(content_type: str) -> bool:
    media_type, _, parameters = content_type.partition(";")
    charset = parameters.partition("charset=")[2].split(";")[0].strip().strip('"')
    return media_type.strip().lower() == "application/json" and charset.lower() in ("", "utf-8", "utf8")
