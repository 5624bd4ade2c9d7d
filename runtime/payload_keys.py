"""Payload keys: they encrypt everything that a person has written before it reaches Temporal.

The format is `ID:KEY,ID:KEY…`, each key being 32 bytes in base64. The first key encrypts, all keys decrypt.
docs/privacy.md describes how a key is replaced while orders are open.
"""

import base64
import binascii
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BYTES = 32
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
            by_id[key_id] = _key(encoded)
        return cls(by_id)


def new_key() -> str:
    """Return a random key in base64."""
    return base64.b64encode(os.urandom(_BYTES)).decode()


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
    """Create a file with one key if it does not exist: readable by its owner only, and synced to disk before use."""
    if file.exists():
        return
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=f".{file.name}-", encoding="ascii") as draft:
        draft.write(f"{_FIRST_ID}:{new_key()}\n")
        draft.flush()
        os.fsync(draft.fileno())
        with suppress(FileExistsError):  # another process was faster
            os.link(draft.name, file)


def _key(encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ValueError("a payload key is written in base64") from error
    if len(key) != _BYTES:
        raise ValueError(f"a payload key has {_BYTES} bytes")
    return key
