"""The public keys that an issuer signs tokens with (JWKS, RFC 7517): fetched, kept, renewed as it changes them.

A key that is known counts until the issuer is seen to have withdrawn it: while it does not answer, nothing changes.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from http.client import HTTPResponse
from io import BufferedReader, RawIOBase
from socket import socket
from time import monotonic
from typing import Any
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, Request, build_opener

import structlog
from jwt import PyJWK, PyJWKSet

from api.errors import NoAnswerInTime

ALGORITHMS = ("RS256", "ES256")
"""By which tokens may be signed. Each key has one of them, whatever a token says of itself."""
FETCH_WITHIN = 3.0
"""Seconds for the issuer to tell its keys, all in all."""
FRESH_FOR = 300.0
"""Seconds after which the keys are asked for again; in nobody's way."""
AGAIN_AFTER = 10.0
"""Seconds between two fetches, however many tokens name a key that nobody knows."""
_LARGEST = 256 * 1024
"""Bytes of a document."""
_DISCOVERY = "/.well-known/openid-configuration"

_log = structlog.get_logger(__name__)


class Keys:
    """The keys of one issuer."""

    def __init__(self, issuer: str, url: str | None = None, *, now: Callable[[], float] = monotonic) -> None:
        """
        Args:
            issuer: Its name; a URL, unless `url` is given.
            url: Where its keys are; without one, its discovery document tells (OpenID Connect Discovery 1.0).
            now: Seconds.
        """
        self._issuer = issuer
        self._url = url
        self._now = now
        self._keys: Mapping[str, PyJWK] = {}
        self._silent = False
        self._fetching: asyncio.Task[None] | None = None
        self._began = 0.0

    async def find(self, key_id: str) -> PyJWK | None:
        """The key of this id, if the issuer has one.

        Raises:
            NoAnswerInTime: it is not known here, and the issuer does not answer.
        """
        if key_id in self._keys:
            self._fetched(FRESH_FOR)
        else:
            await asyncio.shield(self._fetched(AGAIN_AFTER))
            if key_id not in self._keys and self._silent:
                raise NoAnswerInTime("the issuer of tokens does not answer")
        return self._keys.get(key_id)

    def stop(self) -> None:
        """Fetch no more."""
        if self._fetching is not None:
            self._fetching.cancel()

    def _fetched(self, fresh_for: float) -> asyncio.Task[None]:
        """The fetch that is under way, or was lately; else a new one."""
        if self._fetching is None or (self._fetching.done() and self._now() - self._began >= fresh_for):
            self._began = self._now()
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_WITHIN):
                self._keys = await asyncio.to_thread(self._read)
        except Exception as error:  # noqa: BLE001 - whatever it has said, it was no answer
            self._silent = True
            _log.warning("the issuer's keys were not fetched", error=type(error).__qualname__)
        else:
            self._silent = False

    def _read(self) -> Mapping[str, PyJWK]:
        opener = build_opener(_InTime(monotonic() + FETCH_WITHIN))
        url = self._url
        if url is None:
            discovered = _document(opener, self._issuer.rstrip("/") + _DISCOVERY)
            if discovered.get("issuer") != self._issuer:
                raise ValueError("the discovery document is another issuer's")
            url = str(discovered.get("jwks_uri"))
        return _usable(_document(opener, url).get("keys"))


class _InTime(HTTPHandler, HTTPSHandler):
    """Reads until a deadline: a timeout alone begins anew with each byte that comes, and the thread would wait on."""

    def __init__(self, ends: float) -> None:
        super().__init__()
        self._ends = ends

    def do_open(self, http_class: Any, req: Request, **more: Any) -> HTTPResponse:
        def connection(*args: Any, **options: Any) -> Any:
            made: Any = http_class(*args, **options)
            made.response_class = self._answer
            return made

        return super().do_open(connection, req, **more)

    def _answer(self, connected: socket, *args: Any, **more: Any) -> HTTPResponse:
        answer = HTTPResponse(connected, *args, **more)
        answer.fp = BufferedReader(_Reading(connected, answer.fp, self._ends))
        return answer


class _Reading(RawIOBase):
    """What comes over a connection until a deadline."""

    def __init__(self, connected: socket, file: BufferedReader, ends: float) -> None:
        self._connected = connected
        self._file = file
        self._ends = ends

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._ends - monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        self._connected.settimeout(left)
        return self._file.readinto1(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


def _document(opener: OpenerDirector, url: str) -> dict[str, Any]:
    with opener.open(url, timeout=FETCH_WITHIN) as answer:  # of the settings, or of whom they trust
        content = answer.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError("the document is too large")
    document = json.loads(content)
    if not isinstance(document, dict):
        raise ValueError("the document is no object")
    return document


def _usable(keys: Any) -> Mapping[str, PyJWK]:
    """Those that verify by one of the algorithms. An issuer may have others, for other purposes."""
    return {
        str(key.key_id): key
        for key in PyJWKSet(keys)
        if key.key_id and key.algorithm_name in ALGORITHMS and key.public_key_use in (None, "sig")
    }
