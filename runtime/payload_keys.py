"""Payload keys: they encrypt everything that a person has written before it reaches Temporal.

The first key encrypts, all keys decrypt. docs/privacy.md describes how a key is replaced while orders are open.
"""

from pathlib import Path

from runtime.key_rings import KeyRing


class NoKeys(Exception):
    """There is no key to encrypt with."""


class PayloadKeys(KeyRing):
    """The keys of `PAYLOAD_KEYS`."""


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
