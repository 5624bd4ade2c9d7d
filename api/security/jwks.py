"""The public keys of a token issuer (JWKS, RFC 7517): fetched, cached, and refreshed.

A known key is valid until a fetch shows that the issuer has withdrawn it, and if no key is left, all are withdrawn.
While the issuer does not answer, the cached keys stay valid, for a day at most.
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
from jwt import PyJWK

from api.http.errors import NoAnswerInTime
from runtime.issuer_urls import check_keys

ALGORITHMS = ("RS256", "ES256")
"""Allowed signature algorithms. The key determines the algorithm, whatever the token claims."""
FETCH_WITHIN = 3.0
"""Seconds for a whole fetch: connecting, and reading one or two documents."""
FRESH_FOR = 300.0
"""Seconds after which the keys are refreshed in the background."""
STALE_AFTER = 24 * 60 * 60.0
"""Seconds after which the keys of an issuer that does not answer are valid no more."""
AGAIN_AFTER = 10.0
"""Seconds between two fetches, however many tokens name an unknown key."""
_LARGEST = 256 * 1024
"""The largest document, in bytes."""
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
        self._answered = now()

    async def find(self, key_id: str) -> PyJWK | None:
        """Return the key with an id, or None if the issuer has no such key.

        Raises:
            NoAnswerInTime: the key is not cached, and the issuer does not answer.
        """
        if key_id in self._valid():
            self._fetched(FRESH_FOR)
        else:
            await asyncio.shield(self._fetched(AGAIN_AFTER))
            if key_id not in self._valid() and self._unreachable:
                raise NoAnswerInTime("the token issuer does not answer")
        return self._valid().get(key_id)

    def age(self) -> float:
        """Return the seconds since the issuer told its keys, or since the start if it has not yet."""
        return self._now() - self._answered

    def knows(self, key_id: str) -> bool:
        """Return whether a key is cached. If it is not, the keys are fetched in the background, for later requests."""
        if key_id in self._valid():
            return True
        self._fetched(AGAIN_AFTER)
        return False

    def stop(self) -> None:
        """Stop fetching."""
        if self._fetching is not None:
            self._fetching.cancel()

    def _valid(self) -> Mapping[str, PyJWK]:
        return self._keys if self.age() < STALE_AFTER else {}

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
            reason = str(error) if isinstance(error, ValueError) else None
            _log.warning("could not fetch the issuer's keys", error=type(error).__qualname__, reason=reason)
        else:
            self._unreachable = False
            self._answered = self._began

    async def _read(self) -> Mapping[str, PyJWK]:
        if self._url is not None and urlsplit(self._url).scheme == "file":
            return _usable(await asyncio.to_thread(_read_file, self._url))
        async with _client() as client:
            url = self._url
            if url is None:
                discovered = _document(await _download(client, self._issuer.rstrip("/") + _DISCOVERY))
                if discovered.get("issuer") != self._issuer:
                    raise ValueError("the discovery document belongs to another issuer")
                url = str(discovered.get("jwks_uri"))
                check_keys(url, self._issuer)
            content = await _download(client, url)
        return await asyncio.to_thread(_usable, content)


@asynccontextmanager
async def _client() -> AsyncIterator[httpx2.AsyncClient]:
    """Open a client for one fetch. It trusts the machine's current certificates (`SSL_CERT_FILE`, `SSL_CERT_DIR`).

    It uses no proxy of the environment (`HTTPS_PROXY`, `ALL_PROXY`), which may be meant for something else.
    """
    # Reading the machine's certificates would block the event loop for too long.
    trusted = await asyncio.to_thread(ssl.create_default_context)
    # httpx2's timeouts are off, because they restart with every byte. Compression would hide the document's size.
    client = httpx2.AsyncClient(verify=trusted, timeout=None, trust_env=False, headers={"Accept-Encoding": "identity"})
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


async def _download(client: httpx2.AsyncClient, url: str) -> bytes:
    """Return the content of a web address. Redirects are errors: keys are where the issuer or the operator says."""
    answer = await client.send(client.build_request("GET", url), stream=True)
    try:
        return await _content(answer.raise_for_status())
    finally:
        await answer.aclose()


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


def _document(content: bytes) -> dict[str, Any]:
    document = json.loads(content)
    if not isinstance(document, dict):
        raise ValueError("the document is not an object")
    return document


def _usable(content: bytes) -> Mapping[str, PyJWK]:
    """Return the signature keys with an allowed algorithm. An issuer may have others, for other purposes, or none."""
    keys = _document(content).get("keys")
    if not isinstance(keys, list):
        raise ValueError("the document has no list of keys")
    parsed = [key for key in map(_key, keys) if key is not None]
    return {
        str(key.key_id): key
        for key in parsed
        if key.key_id and key.algorithm_name in ALGORITHMS and key.public_key_use in (None, "sig")
    }


def _key(jwk: Any) -> PyJWK | None:
    try:
        return PyJWK(jwk)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is no key to verify with
        return None
