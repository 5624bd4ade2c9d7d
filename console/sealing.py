"""Cookies that the browser keeps and cannot read: encrypted, limited in time, and split if they are large."""

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import TypeAdapter
from starlette.responses import Response

from runtime.key_rings import KeyRing

_CHUNK = 3800
"""Characters of one cookie. Browsers drop larger ones (4,096 bytes with name and attributes) without a word."""
_MOST_CHUNKS = 3
_COUNTS = [str(count) for count in range(1, _MOST_CHUNKS + 1)]
"""How a cookie says in how many parts it is."""
_LARGEST = 64 * 1024
"""Bytes of a value after it was decompressed."""

Value = TypeVar("Value")


class TooLargeForCookies(Exception):
    """The value does not fit into the cookies that a browser keeps for one site."""


def sealer(keys: KeyRing) -> MultiFernet:
    """Return what encrypts by the first key, and decrypts by every key."""
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys.by_id.values()])


@dataclass(frozen=True)
class SealedCookie(Generic[Value]):
    """A cookie with an encrypted value of one type. Whatever cannot be opened is as if it were not there."""

    name: str
    kind: type[Value]
    """Type of the value, which pydantic can write as JSON."""
    seal: MultiFernet
    max_age: int
    """Seconds after which it cannot be opened any more."""
    secure: bool

    @property
    def names(self) -> list[str]:
        """Names of the cookies that hold the parts of the value."""
        prefix = "__Host-" if self.secure else ""
        return [f"{prefix}{self.name}", *(f"{prefix}{self.name}-{part}" for part in range(2, _MOST_CHUNKS + 1))]

    @cached_property
    def _type(self) -> TypeAdapter[Value]:
        return TypeAdapter(self.kind)

    def read(self, cookies: Mapping[str, str]) -> Value | None:
        """Return the value, or None if there is none, it is too old, or none of the keys has encrypted it.

        It is None as well if another release has written something that this one does not understand.
        """
        count, _, first = cookies.get(self.names[0], "").partition(".")
        if count not in _COUNTS:
            return None
        sealed = first + "".join(cookies.get(name, "") for name in self.names[1 : int(count)])
        try:
            packed = self.seal.decrypt(f"{sealed}{'=' * (-len(sealed) % 4)}".encode("ascii"), ttl=self.max_age)
            unpacking = zlib.decompressobj()
            content = json.loads(unpacking.decompress(packed, _LARGEST))
            # The same keys encrypt all cookies, so each says which one it is.
            if content["for"] != self.name:
                return None
            return self._type.validate_python(content["value"])
        except (InvalidToken, zlib.error, ValueError, KeyError, TypeError):
            return None

    def write(self, response: Response, value: Value, seconds: float | None = None) -> None:
        """Set the cookie.

        Args:
            response: The answer to the browser.
            value: The value.
            seconds: How long the browser keeps it. Default: `max_age`, which is also the longest time.

        Raises:
            TooLargeForCookies: the value does not fit.
        """
        content = {"for": self.name, "value": self._type.dump_python(value, mode="json")}
        packed = zlib.compress(json.dumps(content, ensure_ascii=False).encode(), 9)
        sealed = self.seal.encrypt(packed).decode().rstrip("=")  # which would have to be quoted
        parts = [sealed[at : at + _CHUNK] for at in range(0, len(sealed), _CHUNK)]
        if len(parts) > _MOST_CHUNKS:
            raise TooLargeForCookies(f"{self.name} has {len(sealed)} characters")
        parts[0] = f"{len(parts)}.{parts[0]}"
        max_age = self.max_age if seconds is None else min(self.max_age, int(seconds))
        for name, part in zip(self.names, parts, strict=False):
            response.set_cookie(
                name, part, max_age=max_age, path="/", secure=self.secure, httponly=True, samesite="lax"
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
