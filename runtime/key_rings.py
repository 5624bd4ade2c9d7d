"""Key rings: secret keys with ids, of which the first one is used, and the others still count.

The format is `ID:KEY,ID:KEY…`, each key being 32 bytes in base64. So a key can be replaced without a break: the new one
is put before the old one, which is taken out when nothing needs it any more.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from runtime import key_files

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_FIRST_ID = "local-1"


@dataclass(frozen=True)
class KeyRing:
    """Keys by id; at least one."""

    by_id: Mapping[str, bytes] = field(repr=False)

    @property
    def newest(self) -> str:
        """Id of the key that is used."""
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
                raise ValueError("keys are written ID:KEY,ID:KEY with ids of letters, digits, '.', '_', '-'")
            by_id[key_id] = key_files.decoded(encoded)
        return cls(by_id)


def make_file(file: Path) -> None:
    """Create a file with one key if it does not exist."""
    key_files.make_file(file, f"{_FIRST_ID}:{key_files.new_key()}")
