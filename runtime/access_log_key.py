"""The key of the access log, which names people only by a keyed hash of their customer id."""

import hmac
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self

from runtime import key_files
from runtime.payload_keys import NoKeys


@dataclass(frozen=True)
class AccessLogKey:
    """A key of 32 bytes."""

    secret: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Raises:
            ValueError: this is not a key in base64. The text of the error does not contain it.
        """
        return cls(key_files.decoded(text.strip()))

    def person(self, customer_id: str) -> str:
        """Return the name of a customer in the access log: HMAC-SHA256, in hexadecimal.

        Every text has a name: an id that could not be encoded would keep a whole answer out of the access log.
        """
        name = self._keyed.copy()
        name.update(customer_id.encode(errors="surrogatepass"))
        return name.hexdigest()

    @cached_property
    def _keyed(self) -> hmac.HMAC:
        """The hash with the key alone, which takes longer than a name."""
        return hmac.new(self.secret, digestmod="sha256")


def make_file(file: Path) -> None:
    """Create a file with a key if it does not exist."""
    key_files.make_file(file, key_files.new_key())


def read_file(file: Path) -> AccessLogKey:
    """Return the key in a file.

    Raises:
        NoKeys: the file does not exist.
        ValueError: as `AccessLogKey.parse`.
    """
    try:
        return AccessLogKey.parse(file.read_text(encoding="ascii"))
    except FileNotFoundError as error:
        raise NoKeys("ACCESS_LOG_KEY is not set: all API processes need the same key") from error
