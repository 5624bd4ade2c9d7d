"""The only way out to consumers: resolves a name once, checks every address, and connects to one of them by address.

So there is no second resolution that could lead elsewhere. What a consumer sends is bounded here, too: headers,
interim answers and body alike.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable
from concurrent.futures import Executor
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import httpcore2
from httpcore2 import SOCKET_OPTION, AsyncNetworkBackend, AsyncNetworkStream

from domain.event_delivery.targets import Address, TargetRules, literal

RESOLVE_WITHIN = 5.0
"""Seconds for a name server to answer."""
CONNECT_WITHIN = 5.0
"""Seconds for one address to accept a connection."""
MOST_ADDRESSES = 3
"""Addresses of a name to which a connection is tried, one after the other."""
MOST_BYTES = 128 * 1024
"""Bytes that are read after a request was sent: more than the longest header block, and the part of a body."""


class NameUnknown(httpcore2.ConnectError):
    """The name of the host leads nowhere, or the name servers do not answer."""


class TlsFailed(httpcore2.ConnectError):
    """The connection could not be encrypted, or the certificate is not one of the host."""


class NameLookups:
    """Looks up the names of consumers, each name once at a time, for everybody who waits for it.

    So a name server that hangs holds one thread for a name, however often and by whomever it is asked again.
    """

    def __init__(self, threads: Executor) -> None:
        """Use these threads, at least one for each subscription."""
        self._threads = threads
        self._under_way: dict[str, asyncio.Future[list[Address]]] = {}

    async def addresses(self, host: str) -> list[Address]:
        """Return the addresses of a host, at least one.

        Raises:
            NameUnknown: it has none, or the name servers do not answer in time.
        """
        lookup = self._under_way.get(host)
        if lookup is None:
            lookup = asyncio.get_running_loop().run_in_executor(self._threads, resolved, host)
            self._under_way[host] = lookup
            lookup.add_done_callback(lambda _: self._under_way.pop(host))
        try:
            async with asyncio.timeout(RESOLVE_WITHIN):
                return await asyncio.shield(lookup)
        except (OSError, UnicodeError) as error:  # a timeout is an OSError, too
            raise NameUnknown("the name has no address") from error


class GuardedNetwork(AsyncNetworkBackend):
    """The network, as one subscription may use it. `connect_tcp` is the only way to open a connection."""

    def __init__(self, rules: TargetRules, scheme: str, names: NameLookups) -> None:
        """Create the network.

        Args:
            rules: The addresses that are allowed.
            scheme: The scheme of the target's URL.
            names: Looks up the names of hosts.
        """
        self._rules = rules
        self._scheme = scheme
        self._names = names

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of httpcore2, as below
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> AsyncNetworkStream:
        """Connect to a host.

        Raises:
            ForbiddenTarget: one of the addresses is not allowed.
            NameUnknown: the host has no address.
            ConnectError, ConnectTimeout: no address accepts a connection.
        """
        known = literal(host)
        addresses = [known] if known is not None else await self._names.addresses(host)
        for address in addresses:
            self._rules.check(address, self._scheme)
        return await self._connected(addresses[:MOST_ADDRESSES], port, min(timeout or CONNECT_WITHIN, CONNECT_WITHIN))

    async def _connected(self, addresses: list[Address], port: int, within: float) -> AsyncNetworkStream:
        failed: Exception = NameUnknown("the name has no address")
        for address in addresses:
            try:
                return BoundedStream(await httpcore2.AnyIOBackend().connect_tcp(str(address), port, timeout=within))
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
        raise failed


class BoundedStream(AsyncNetworkStream):
    """A connection that reads a bounded number of bytes after each write, and is closed if its handshake ends early."""

    def __init__(self, stream: AsyncNetworkStream) -> None:
        self._stream = stream
        self._unsent: list[bytes] = []
        self._read = 0

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """
        Raises:
            ReadError: the other side has sent too much, or what it has sent cannot be decrypted.
        """
        with suppress(httpcore2.WriteError):  # the other side may have answered before it closed the connection
            await self._flush(timeout)
        try:
            content = await self._stream.read(max_bytes, timeout)
        except ssl.SSLError as error:  # with TLS 1.3, a server refuses a client after the client's handshake
            raise httpcore2.ReadError("the connection is not encrypted any more") from error
        self._read += len(content)
        if self._read > MOST_BYTES:
            raise httpcore2.ReadError("the answer is too long")
        return content

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Send bytes with those that follow, and begin to count what is read.

        So the headers and the body of a request are one packet, and cost one call. The end of a request is written as
        no bytes, or with the next read.

        Raises:
            WriteError: the connection is closed, or the bytes cannot be encrypted any more.
        """
        self._read = 0
        if buffer:
            self._unsent.append(buffer)
        else:
            await self._flush(timeout)

    async def _flush(self, timeout: float | None) -> None:  # noqa: ASYNC109
        if not self._unsent:
            return
        buffer, self._unsent = b"".join(self._unsent), []
        try:
            await self._stream.write(buffer, timeout)
        except ssl.SSLError as error:
            raise httpcore2.WriteError("the connection is not encrypted any more") from error

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> AsyncNetworkStream:
        """
        Raises:
            TlsFailed: the handshake fails.
        """
        try:
            return BoundedStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
            raise TlsFailed("the connection could not be encrypted") from error
        except BaseException:  # canceled: httpcore2 does not close such a connection
            await self._stream.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:
        """Return a fact about the connection."""
        return self._stream.get_extra_info(info)


def resolved(host: str) -> list[Address]:
    """Return the addresses of a name, in the order of the machine's preference.

    Raises:
        OSError: the name has none.
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(place[0])) for *_, place in found))
