"""What the body of a request has to be before anyone looks at its members."""

import asyncio
import json
from typing import Any, NoReturn

from fastapi import Request
from starlette.exceptions import HTTPException

LARGEST_BODY = 64 * 1024
"""Bytes."""
BODY_WITHIN = 10.0
"""Seconds for all of it to come in."""
_LARGEST_OF_ALL = 2 * 1024 * 1024
"""Bytes: so much Temporal stores in one event."""


def _no_number(constant: str) -> NoReturn:
    """NaN and the infinities, which Python would read, are not JSON."""
    raise ValueError(constant)


_JSON = json.JSONDecoder(parse_constant=_no_number)


class JsonRequest(Request):
    """A request whose body, where it has one, is a JSON object in UTF-8 of bounded size.

    What is wrong with it is raised as an `HTTPException`: FastAPI hides any other error behind a status of its own.
    """

    largest = LARGEST_BODY
    _whole: bytes | None = None

    async def body(self) -> bytes:
        """The body, once it is known to be small enough and to call itself JSON."""
        if self._whole is None:
            # Refused as announced: whoever waits for a `100 Continue` then never sends it.
            length = self.headers.get("content-length", "")
            self._check_size(int(length[:20]) if length.isdecimal() else 0)
            self._whole = await self._read()
            if self._whole and not _is_json(self.headers.get("content-type", "")):
                raise HTTPException(415, "send application/json")
        return self._whole

    async def json(self) -> Any:
        """The object in the body."""
        try:
            content = _JSON.decode((await self.body()).decode())
        except UnicodeDecodeError:
            raise HTTPException(400, "the body is not UTF-8") from None
        except (ValueError, RecursionError):
            # Or JSON that is nested deeper, or has longer numbers, than anybody means.
            raise HTTPException(400, "the body cannot be read as JSON") from None
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
            # Whoever goes on to send it slowly would keep the connection.
            raise HTTPException(408, "the body did not come in time", {"Connection": "close"}) from None
        return b"".join(chunks)

    def _check_size(self, size: int) -> None:
        if size > self.largest:
            raise HTTPException(413, f"a body may have {self.largest} bytes")


class LargeJsonRequest(JsonRequest):
    """One that may be as large as what Temporal stores."""

    largest = _LARGEST_OF_ALL


def _is_json(content_type: str) -> bool:
    media_type, _, parameters = content_type.partition(";")
    charset = parameters.partition("charset=")[2].split(";")[0].strip().strip('"')
    return media_type.strip().lower() == "application/json" and charset.lower() in ("", "utf-8", "utf8")
