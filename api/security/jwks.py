"""The public keys of a token issuer (JWKS, RFC 7517): fetched, cached, and refreshed.

A known key is valid until a fetch shows that the issuer has withdrawn it. While the issuer does not answer, the cached
keys stay valid.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any
from urllib.parse import urlsplit
from urllib.request import FileHandler, OpenerDirector

import httpcore2
import httpx2
import structlog
from jwt import PyJWK, PyJWKSet

from api.http.errors import NoAnswerInTime

ALGORITHMS = ("RS256", "ES256")
"""Allowed signature algorithms. The key determines the algorithm, whatever the token claims."""
FETCH_WITHIN = 3.0
"""Seconds for a whole fetch: connecting, and reading one or two documents, including redirects."""
FRESH_FOR = 300.0
"""Seconds after which the keys are refreshed in the background."""
AGAIN_AFTER = 10.0
"""Seconds between two fetches, however many tokens name an unknown key."""
_LARGEST = 256 * 1024
"""The largest document, in bytes."""
_REDIRECTS = 10
"""Redirects that are followed for one document."""
_DISCOVERY = "/.well-known/openid-configuration"

_log = structlog.get_logger(__name__)


class Keys:
    """The keys of one issuer."""

    def __init__(self, issuer: str, url: str | None = None, *, now: Callable[[], float] = monotonic) -> None:
        """Create an empty cache.

        Args:
            issuer: The name of the issuer. It has to be a URL, unless `url` is given.
            url: The URL of the keys. By default it is read from the discovery document (OpenID Connect Discovery 1.0).
            now: Returns the time in seconds.
        """
        self._issuer = issuer
        self._url = url
        self._now = now
        self._keys: Mapping[str, PyJWK] = {}
        self._unreachable = False
        self._fetching: asyncio.Task[None] | None = None
        self._began = 0.0

    async def find(self, key_id: str) -> PyJWK | None:
        """Return the key with an id, or None if the issuer has no such key.

        Raises:
            NoAnswerInTime: the key is not cached, and the issuer does not answer.
        """
        if key_id in self._keys:
            self._fetched(FRESH_FOR)
        else:
            await asyncio.shield(self._fetched(AGAIN_AFTER))
            if key_id not in self._keys and self._unreachable:
                raise NoAnswerInTime("the token issuer does not answer")
        return self._keys.get(key_id)

    def stop(self) -> None:
        """Stop fetching."""
        if self._fetching is not None:
            self._fetching.cancel()

    def _fetched(self, fresh_for: float) -> asyncio.Task[None]:
        """Return the running or recent fetch, or start a new one."""
        if self._fetching is None or (self._fetching.done() and self._now() - self._began >= fresh_for):
            self._began = self._now()
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        try:
            # The only deadline of a fetch. When it passes, the fetch is canceled, and its connection is closed.
            async with asyncio.timeout(FETCH_WITHIN):
                self._keys = await self._read()
        except Exception as error:  # noqa: BLE001 - any error means that the issuer did not answer
            self._unreachable = True
            _log.warning("could not fetch the issuer's keys", error=type(error).__qualname__)
        else:
            self._unreachable = False

    async def _read(self) -> Mapping[str, PyJWK]:
        async with _client() as client:
            url = self._url
            if url is None:
                discovered = await _document(client, self._issuer.rstrip("/") + _DISCOVERY)
                if discovered.get("issuer") != self._issuer:
                    raise ValueError("the discovery document belongs to another issuer")
                url = str(discovered.get("jwks_uri"))
            document = await _document(client, url)
        return await asyncio.to_thread(_usable, document.get("keys"))


@asynccontextmanager
async def _client() -> AsyncIterator[httpx2.AsyncClient]:
    """Open a client for one fetch. It trusts the machine's current certificates (`SSL_CERT_FILE`, `SSL_CERT_DIR`)."""
    # Reading the machine's certificates would block the event loop for too long.
    trusted = await asyncio.to_thread(ssl.create_default_context)
    # httpx2's timeouts are off, because they restart with every byte. Compression would hide the document's size.
    client = httpx2.AsyncClient(verify=trusted, timeout=None, headers={"Accept-Encoding": "identity"})
    connections: list[httpcore2.AsyncNetworkStream] = []

    async def remember(step: str, about: Mapping[str, Any]) -> None:
        if step == "connection.connect_tcp.complete":
            connections.append(about["return_value"])

    async def watch(request: httpx2.Request) -> None:
        request.extensions["trace"] = remember

    client.event_hooks = {"request": [watch]}
    try:
        async with client:
            yield client
    finally:
        # httpcore2 does not close a connection whose TLS handshake is canceled.
        for connection in connections:
            await connection.aclose()


async def _document(client: httpx2.AsyncClient, url: str) -> dict[str, Any]:
    if urlsplit(url).scheme == "file":
        content = await asyncio.to_thread(_read_file, url)
    else:
        content = await _download(client, url)
    document = json.loads(content)
    if not isinstance(document, dict):
        raise ValueError("the document is not an object")
    return document


async def _download(client: httpx2.AsyncClient, url: str) -> bytes:
    request = client.build_request("GET", url)
    for _ in range(1 + _REDIRECTS):
        answer = await client.send(request, stream=True)
        try:
            # If the client followed redirects itself, it would read their bodies, however large.
            if answer.next_request is None:
                return await _content(answer.raise_for_status())
            request = answer.next_request
        finally:
            await answer.aclose()
    raise ValueError("too many redirects")


async def _content(answer: httpx2.Response) -> bytes:
    content = bytearray()
    async for part in answer.aiter_raw():
        content += part
        if len(content) > _LARGEST:
            raise ValueError("the document is too large")
    return bytes(content)


def _read_file(url: str) -> bytes:
    """Return the content of a local file. The opener handles no other kind of URL."""
    opener = OpenerDirector()
    opener.add_handler(FileHandler())
    with opener.open(url) as file:
        content: bytes = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError("the document is too large")
    return content


def _usable(keys: Any) -> Mapping[str, PyJWK]:
    """Return the signature keys with an allowed algorithm. An issuer may have others, for other purposes."""
    return {
        str(key.key_id): key
        for key in PyJWKSet(keys)
        if key.key_id and key.algorithm_name in ALGORITHMS and key.public_key_use in (None, "sig")
    }
