"""Addresses of clients, and networks."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

_REMEMBERED = 1000
"""Texts whose address is remembered. Most requests come from a few, and parsing one takes long."""
_BITS_OF_A_SITE = 64
"""The bits of an IPv6 address that identify a subscriber. The subscriber chooses the others freely."""


def parsed(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host is, or None. An IPv4 address that is written as IPv6 is one of IPv4."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


@lru_cache(maxsize=_REMEMBERED)
def normalized(host: str) -> str:
    """Return the only spelling of an address, or `unknown`."""
    return str(parsed(host) or "unknown")


@lru_cache(maxsize=_REMEMBERED)
def subscriber(host: str) -> str:
    """Return the address of a subscriber: of IPv6 the first 64 bits, because a subscriber has all that begin so."""
    address = parsed(host)
    if isinstance(address, IPv6Address):
        address = IPv6Address(int(address) >> _BITS_OF_A_SITE << _BITS_OF_A_SITE)
    return str(address or "unknown")


def networks(text: str) -> list[Network]:
    """Return the networks in a text, in which they are separated by commas.

    Raises:
        ValueError: one of them is no network.
    """
    return [ip_network(word) for each in text.split(",") if (word := each.strip())]
