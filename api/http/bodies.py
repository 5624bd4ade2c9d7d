"""What the body of a request has to be before anyone looks at its members."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, get_type_hints
from urllib.parse import unquote_to_bytes

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException

from api.security.authentication import guarded

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


class JsonRoute(APIRoute):
    """A route behind the gate, that reads its query as UTF-8, and its body as a `JsonRequest`."""

    request_class = JsonRequest

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, with the stricter request."""
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            _check_query(request.scope["query_string"])
            return await handle(self.request_class(request.scope, request.receive))

        return guarded(self, handle_json)


class LargeJsonRoute(JsonRoute):
    """A route whose body is a `LargeJsonRequest`."""

    request_class = LargeJsonRequest


class DirectRoute(JsonRoute):
    """A route whose endpoint takes its body and the request, and is called with them at once.

    FastAPI describes it like any other. To look for dependencies each time would cost as much as all the rest.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Read the body, call the endpoint."""
        model, *_ = get_type_hints(self.endpoint).values()
        body, endpoint = TypeAdapter(model), self.endpoint

        async def handle(request: Request) -> Response:
            content = await JsonRequest(request.scope, request.receive).json()
            try:
                given = body.validate_python(content)
            except ValidationError as invalid:
                found = invalid.errors(include_url=False, include_input=False)
                raise RequestValidationError([one | {"loc": ("body", *one["loc"])} for one in found]) from None
            answer: Response = await endpoint(given, request)
            return answer

        return guarded(self, handle)


def _check_query(query: bytes) -> None:
    try:
        unquote_to_bytes(query).decode()
    except UnicodeDecodeError:
        raise HTTPException(400, "the query is not UTF-8") from None


def _is_json(content_type: str) -> bool:
    media_type, _, parameters = content_type.partition(";")
    charset = parameters.partition("charset=")[2].split(";")[0].strip().strip('"')
    return media_type.strip().lower() == "application/json" and charset.lower() in ("", "utf-8", "utf8")
