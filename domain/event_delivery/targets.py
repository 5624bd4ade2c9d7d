"""Where events may be sent: the rules for a subscriber's URL, and for the addresses that its name leads to.

A URL is checked when it is given, and the addresses each time a connection is made, because a name can lead elsewhere
at any time.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST_URL = 2000
HTTPS, HTTP = "https", "http"
_DEFAULT_PORTS = {HTTPS: 443, HTTP: 80}
_FIRST_UNPRIVILEGED, _LAST = 1024, 65535
_WRITTEN = re.compile(r"[!-~]+")
"""Visible ASCII characters. `urlsplit` drops or accepts some others."""
_UNWISE = frozenset('\\<>"{}|^`#')
"""Characters that programs read differently. A fragment is never sent."""
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_LONGEST_NAME = 253
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label like this makes a name an IPv4 address in one of its old spellings, such as `0x7f000001`."""

_SPECIAL_IPV4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # looks public; on Azure it is the host of a machine
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
"""Networks of the IANA registry of special-purpose addresses that are not the internet, and multicast.

`ipaddress.is_global` is not enough: it counts multicast as global, and its list depends on the Python release.
"""
_PUBLIC_IPV6 = IPv6Network("2000::/3")
_SPECIAL_IPV6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocols, with Teredo, which contains an IPv4 address
        "2001:db8::/32",
        "2002::/16",  # 6to4, which contains an IPv4 address
        "3fff::/20",
    )
)
_CONTAINING_IPV4 = tuple(IPv6Network(network) for network in ("::ffff:0:0/96", "64:ff9b::/96"))
"""IPv6 addresses that lead to the IPv4 address in their last 32 bits: mapped ones, and those of NAT64."""


class ForbiddenTarget(ValueError):
    """Nothing may be sent to this URL or address. The text says why, and names no address that a name leads to."""


@dataclass(frozen=True)
class Target:
    """A URL to which events may be sent, in parts, so that no other parser reads it differently."""

    scheme: str
    host: str
    """A name in small letters, or an address. One of IPv6 is without brackets."""
    port: int
    path: str
    """The path and the query, as they are sent."""

    @property
    def authority(self) -> str:
        """Host and port, as a request names them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True)
class TargetRules:
    """Rules for targets: public addresses by `https`, and what the operator allows beside them."""

    networks: Sequence[Network] = ()
    """Networks that are allowed although they are not public. Only to them, `http` is allowed as well."""
    forbidden_ports: frozenset[int] = frozenset()
    """Ports from 1024 on to which nothing is sent. Of the lower ones, only those of `https` and `http` are allowed."""

    def target(self, url: str) -> Target:
        """Return the target that a URL names.

        Raises:
            ForbiddenTarget: nothing may be sent there.
        """
        parts = _split(url)
        host = _host(parts)
        target = Target(parts.scheme, host, self._port(parts), parts.path or "/")
        if parts.query:
            target = Target(target.scheme, host, target.port, f"{target.path}?{parts.query}")
        if target.scheme == HTTP and not self.networks:
            raise ForbiddenTarget("must begin with https://")
        if (address := literal(host)) is not None:
            self.check(address, target.scheme)
        return target

    def check(self, address: Address, scheme: str) -> None:
        """Check an address that is about to be connected to.

        Raises:
            ForbiddenTarget: the address is neither public nor allowed; or for `http`, it is not allowed.
        """
        address = unwrapped(address)
        if any(address in network for network in self.networks):
            return
        if scheme != HTTPS:
            raise ForbiddenTarget("must begin with https://, because it is not in a network that is allowed")
        if not is_public(address):
            raise ForbiddenTarget("leads to an address that is not public")

    def _port(self, parts: SplitResult) -> int:
        try:
            port = parts.port
        except ValueError:
            port = 0
        else:
            port = _DEFAULT_PORTS[parts.scheme] if port is None else port
        if port == _DEFAULT_PORTS[parts.scheme]:
            return port
        if not _FIRST_UNPRIVILEGED <= port <= _LAST or port in self.forbidden_ports:
            raise ForbiddenTarget("has a port to which no events are sent")
        return port


def literal(host: str) -> Address | None:
    """Return the address that a host is, or None if it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address leads to, or the address itself."""
    if isinstance(address, IPv6Address) and any(address in network for network in _CONTAINING_IPV4):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def is_public(address: Address) -> bool:
    """Return whether an address is one of the internet, and not of a machine, a private network or a protocol."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_IPV4)
    return address in _PUBLIC_IPV6 and not any(address in network for network in _SPECIAL_IPV6)


def _split(url: str) -> SplitResult:
    if len(url) > LONGEST_URL:
        raise ForbiddenTarget(f"must have at most {LONGEST_URL} characters")
    if not _WRITTEN.fullmatch(url) or _UNWISE.intersection(url):
        raise ForbiddenTarget("must have no blanks, no fragment, and no characters that have to be encoded in a URL")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ForbiddenTarget("must be a URL") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise ForbiddenTarget("must begin with https://")
    if "@" in parts.netloc:
        raise ForbiddenTarget("must contain no user name and no password")
    return parts


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    if ":" in host or "[" in parts.netloc:
        if not isinstance(literal(host), IPv6Address) or "%" in host:
            raise ForbiddenTarget("has a host that is not an IPv6 address without a zone")
        return str(literal(host))
    labels = host.split(".")
    if len(host) > _LONGEST_NAME or not all(map(_LABEL.fullmatch, labels)):
        raise ForbiddenTarget("must name a host, in ASCII (an international name in its form with xn--)")
    if _NUMBER.fullmatch(labels[-1]) and literal(host) is None:
        raise ForbiddenTarget("has an address that is not written as four decimal numbers")
    return host
