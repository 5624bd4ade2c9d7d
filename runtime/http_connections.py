"""Bounds the connections to a server, in all and from one address."""

import resource
from collections import Counter
from collections.abc import Sequence

from runtime.addresses import Network, parsed, subscriber

OWN_DESCRIPTORS = 200
"""File descriptors that a process needs beside its clients' connections: databases, Temporal, files."""


class ConnectionLimits:
    """Counts the open connections of one server, and admits new ones up to a limit."""

    def __init__(self, most: int = 0, most_per_address: int = 0, proxies: Sequence[Network] = ()) -> None:
        """Create the limits of a server without connections. 0: no limit.

        Args:
            most: The largest number of connections.
            most_per_address: The largest number of connections of one address (of IPv6, its first 64 bits).
            proxies: Addresses with any number of connections, because many clients come from them.
        """
        self._most = most
        self._most_per_address = most_per_address
        self._proxies = proxies
        self._open: Counter[str] = Counter()
        self._total = 0
        self._refused = 0

    @property
    def total(self) -> int:
        """Number of open connections."""
        return self._total

    @property
    def refused(self) -> int:
        """Number of connections that were not admitted."""
        return self._refused

    def admit(self, host: str) -> bool:
        """Count a connection. Return whether it is within the limits."""
        site = subscriber(host)
        if self._is_beyond(host, site):
            self._refused += 1
            return False
        self._total += 1
        self._open[site] += 1
        return True

    def release(self, host: str) -> None:
        """Count an admitted connection as closed."""
        site = subscriber(host)
        self._total -= 1
        self._open[site] -= 1
        if not self._open[site]:
            del self._open[site]

    def _is_beyond(self, host: str, site: str) -> bool:
        if self._most and self._total >= self._most:
            return True
        if self._most_per_address and self._open[site] >= self._most_per_address:
            return not self._is_proxy(host)
        return False

    def _is_proxy(self, host: str) -> bool:
        address = parsed(host)
        return address is not None and any(address in network for network in self._proxies)


def within_descriptors(most: int, own: int = OWN_DESCRIPTORS) -> int:
    """Return how many connections the process can have open. Raise its limit of descriptors if need be.

    Without a descriptor for it, a connection waits, and so do all later ones.

    Args:
        most: The number of connections that is wanted. 0: as many as possible.
        own: Descriptors that the process needs beside them.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most + own if most else hard
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if resource.RLIM_INFINITY not in (soft, wanted) and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    if soft == resource.RLIM_INFINITY:
        return most
    possible = max(soft - own, 1)
    return min(most, possible) if most else possible
