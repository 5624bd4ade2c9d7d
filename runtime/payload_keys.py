"""Payload keys: they encrypt everything that a person has written before it reaches Temporal.

The format is `ID:KEY,ID:KEY…`, each key being 32 bytes in base64. The first key encrypts, all keys decrypt.
docs/privacy.md describes how a key is replaced while orders are open.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from runtime import key_files

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_FIRST_ID = "local-1"


class NoKeys(Exception):
    """There is no key to encrypt with."""


@dataclass(frozen=True)
class PayloadKeys:
    """Keys by id; at least one."""

    by_id: Mapping[str, bytes] = field(repr=False)

    @property
    def newest(self) -> str:
        """Id of the key that encrypts."""
        return next(iter(self.by_id))

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Raises:
            ValueError: the format is different. The text of the error contains no key.
        """
        by_id: dict[str, bytes] = {}
        for item in text.strip().split(","):
            key_id, _, encoded = item.strip().partition(":")
            if not _ID.fullmatch(key_id) or key_id in by_id:
                raise ValueError("payload keys are written ID:KEY,ID:KEY with ids of letters, digits, '.', '_', '-'")
            by_id[key_id] = key_files.decoded(encoded)
        return cls(by_id)


def read_file(file: Path) -> PayloadKeys:
    """Return the keys in a file.

    Raises:
        NoKeys: the file does not exist.
        ValueError: as `PayloadKeys.parse`.
    """
    try:
        return PayloadKeys.parse(file.read_text(encoding="ascii"))
    except FileNotFoundError as error:
        raise NoKeys(
            "PAYLOAD_KEYS is not set: every process that uses one Temporal server needs the same keys"
        ) from error


def make_file(file: Path) -> None:
    """Create a file with one key if it does not exist."""
    key_files.make_file(file, f"{_FIRST_ID}:{key_files.new_key()}")
