"""The keys by which everything that a person has written is encrypted before it reaches Temporal.

Written as `ID:KEY,ID:KEY…`, each key 32 bytes in base64. The first one encrypts, every one decrypts. How a key is
replaced while orders are under way is in docs/privacy.md.
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
    """Keys by their ids; at least one."""

    by_id: Mapping[str, bytes] = field(repr=False)

    @property
    def newest(self) -> str:
        """The id of the key that encrypts."""
        return next(iter(self.by_id))

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Raises:
            ValueError: it is written otherwise; the text of the error holds no key.
        """
        by_id: dict[str, bytes] = {}
        for item in text.strip().split(","):
            key_id, _, encoded = item.strip().partition(":")
            if not _ID.fullmatch(key_id) or key_id in by_id:
                raise ValueError("payload keys are written ID:KEY,ID:KEY with ids of letters, digits, '.', '_', '-'")
            by_id[key_id] = _key(encoded)
        return cls(by_id)


def new_key() -> str:
    """A key at random, as it is written."""
    return base64.b64encode(os.urandom(_BYTES)).decode()


def read_file(file: Path) -> PayloadKeys:
    """The keys in a file.

    Raises:
        NoKeys: there is no such file.
        ValueError: as `PayloadKeys.parse`.
    """
    try:
        return PayloadKeys.parse(file.read_text(encoding="ascii"))
    except FileNotFoundError as error:
        raise NoKeys(
            "PAYLOAD_KEYS is not set: every process that uses one Temporal server needs the same keys"
        ) from error


def make_file(file: Path) -> None:
    """Make a file with one key, where there is none: for its owner alone, and on the disk before anybody uses it."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
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
