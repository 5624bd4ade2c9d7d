"""The client of the HTTP API. Every call is made with the person's own token, within a deadline.

The typed calls of each subject are in that subject's module. They use `Api.get` and `Api.send`, which raise:

- `Problem`: the API has answered with a problem (RFC 9457).
- `ApiAway`: the API cannot be reached, or has not answered in time. The request may have been carried out.
"""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

READ_WITHIN = 3.0
"""Seconds within which the API has to answer a request that only reads."""
ACT_WITHIN = 6.0
"""The same for a request that changes something: the API itself answers a cancellation within 5."""
_LARGEST_ANSWER = 8 * 1024 * 1024
_VISIBLE = re.compile(r"[!-~]+")

Query = Mapping[str, str | int | Sequence[str] | None]


class ApiAway(Exception):
    """The API cannot be reached, or does not answer in time, or answers what is not of this API."""


@dataclass
class Problem(Exception):
    """The API has refused the request, or cannot carry it out now."""

    status: int
    slug: str
    """End of the problem's type, as in `visit-unavailable`."""
    detail: str = ""
    errors: Sequence[tuple[str, str]] = ()
    """JSON pointer and detail of each invalid member."""
    retry_after: int | None = None
    """Seconds after which it may be tried again."""
    members: Mapping[str, Any] = field(default_factory=dict)
    """Further members of the answer, such as `slots`."""

    @property
    def passes(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in (429, 503)

    @property
    def is_of_the_page(self) -> bool:
        """Whether it is not about what was entered: nobody is signed in, or the person may not see or do this."""
        return self.status in (401, 403, 404)


@dataclass(frozen=True)
class Answer:
    """A good answer of the API."""

    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Api:
    """The API as one person, or nobody, reaches it."""

    client: httpx2.AsyncClient
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of every request: the person's token and address, and the trace."""

    async def get(self, path: str, query: Query | None = None) -> Any:
        """Return the body of an answer to `GET`.

        Raises:
            Problem: the API has answered with a problem.
            ApiAway: there is no answer.
        """
        return (await self.call("GET", path, query=query)).body

    async def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        within: float | None = None,
    ) -> Answer:
        """Send a request that changes something, or that has a body.

        Raises:
            Problem: the API has answered with a problem.
            ApiAway: there is no answer. The request may have been carried out.
        """
        return await self.call(method, path, content=body, headers=headers, within=within or ACT_WITHIN)

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        content: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        within: float | None = None,
    ) -> Answer:
        """Send a request.

        Raises:
            Problem: the API has answered with a problem.
            ApiAway: there is no answer.
            LocalProtocolError: this console's own headers cannot be sent.
        """
        if not all(_VISIBLE.fullmatch(value) for value in (headers or {}).values()):
            # They are fields of a form, which somebody may have changed.
            raise Problem(400, "malformed-request")
        wanted = {name: value for name, value in (query or {}).items() if value not in (None, "")}
        try:
            async with asyncio.timeout(within or READ_WITHIN):
                asking = self.client.stream(
                    method, path, params=wanted or None, json=content, headers={**self.headers, **(headers or {})}
                )
                async with asking as response:
                    received = await _received(response)
        except (UnicodeEncodeError, httpx2.InvalidURL) as error:
            # What somebody has put into a field cannot be written into a body or an address.
            raise Problem(400, "malformed-request") from error
        except httpx2.LocalProtocolError:
            # Nothing that somebody has entered does that: it is a fault of this console.
            raise
        except (TimeoutError, httpx2.HTTPError) as error:
            raise ApiAway(type(error).__name__) from error
        body = _body_of(received)
        if response.is_success:
            return Answer(response.status_code, body, response.headers)
        raise _problem(response, body)


async def _received(response: httpx2.Response) -> bytes:
    received = bytearray()
    async for part in response.aiter_bytes():
        received += part
        if len(received) > _LARGEST_ANSWER:
            raise ApiAway("the answer is too large")
    return bytes(received)


def _body_of(received: bytes) -> Any:
    if not received:
        return None
    try:
        return json.loads(received)
    except ValueError as error:
        raise ApiAway("the answer is not JSON") from error


def _problem(response: httpx2.Response, body: Any) -> Exception:
    if not isinstance(body, dict) or "type" not in body:
        return ApiAway(f"an answer {response.status_code} that is not of this API")
    after = response.headers.get("Retry-After", "")
    return Problem(
        response.status_code,
        str(body["type"]).rpartition("/")[2],
        str(body.get("detail") or ""),
        [(str(one.get("pointer", "")), str(one.get("detail", ""))) for one in body.get("errors") or ()],
        int(after) if after.isdecimal() else None,
        body,
    )
