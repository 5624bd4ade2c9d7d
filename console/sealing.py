"""Cookies that the browser keeps and cannot read: encrypted, limited in time, and split if they are large."""

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from starlette.responses import Response

from runtime.key_rings import KeyRing

_CHUNK = 3800
"""Characters of one cookie. Browsers drop larger ones (4,096 bytes with name and attributes) without a word."""
_MOST_CHUNKS = 3
_LARGEST = 64 * 1024
"""Bytes of a value after it was decompressed."""


class TooLargeForCookies(Exception):
    """The value does not fit into the cookies that a browser keeps for one site."""


def sealer(keys: KeyRing) -> MultiFernet:
    """Return what encrypts by the first key, and decrypts by every key."""
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys.by_id.values()])


@dataclass(frozen=True)
class SealedCookie:
    """A cookie with an encrypted value. Whatever cannot be opened is as if it were not there."""

    name: str
    seal: MultiFernet
    max_age: int
    """Seconds."""
    secure: bool

    @property
    def names(self) -> list[str]:
        """Names of the cookies that hold the parts of the value."""
        prefix = "__Host-" if self.secure else ""
        return [f"{prefix}{self.name}", *(f"{prefix}{self.name}-{part}" for part in range(2, _MOST_CHUNKS + 1))]

    def read(self, cookies: Mapping[str, str]) -> dict[str, Any] | None:
        """Return the value, or None if there is none, it is too old, or none of the keys has encrypted it."""
        count, _, first = cookies.get(self.names[0], "").partition(".")
        if not count.isdecimal() or not 1 <= int(count[:3]) <= _MOST_CHUNKS:
            return None
        sealed = first + "".join(cookies.get(name, "") for name in self.names[1 : int(count)])
        try:
            packed = self.seal.decrypt(f"{sealed}{'=' * (-len(sealed) % 4)}".encode("ascii"), ttl=self.max_age)
            unpacking = zlib.decompressobj()
            value = json.loads(unpacking.decompress(packed, _LARGEST))
        except (InvalidToken, UnicodeEncodeError, zlib.error, ValueError):
            return None
        # The same keys encrypt all cookies, so a value says for which one it is.
        return value["value"] if isinstance(value, dict) and value.get("for") == self.name else None

    def write(self, response: Response, value: Mapping[str, Any]) -> None:
        """Set the cookie.

        Raises:
            TooLargeForCookies: the value does not fit.
        """
        packed = zlib.compress(json.dumps({"for": self.name, "value": value}, ensure_ascii=False).encode(), 9)
        sealed = self.seal.encrypt(packed).decode().rstrip("=")  # which would have to be quoted
        parts = [sealed[at : at + _CHUNK] for at in range(0, len(sealed), _CHUNK)]
        if len(parts) > _MOST_CHUNKS:
            raise TooLargeForCookies(f"{self.name} has {len(sealed)} characters")
        parts[0] = f"{len(parts)}.{parts[0]}"
        for name, part in zip(self.names, parts, strict=False):
            response.set_cookie(
                name, part, max_age=self.max_age, path="/", secure=self.secure, httponly=True, samesite="lax"
            )

    def clear(self, response: Response, cookies: Mapping[str, str]) -> None:
        """Remove those of the cookies that the browser has sent."""
        for name in self.names:
            if name in cookies:
                response.delete_cookie(name, path="/", secure=self.secure, httponly=True, samesite="lax")


def cookies_of(header: str) -> dict[str, str]:
    """Return the cookies in a header. Values are taken as they are: ours contain nothing that has to be quoted."""
    found: dict[str, str] = {}
    for pair in header.split(";"):
        name, equals, value = pair.partition("=")
        if equals:
            found.setdefault(name.strip(), value.strip())
    return found
