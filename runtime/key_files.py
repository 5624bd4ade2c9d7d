"""Files with a secret key that this service makes for itself."""

import base64
import binascii
import os
import tempfile
from contextlib import suppress
from pathlib import Path

_BYTES = 32


def new_key() -> str:
    """Return a random key in base64."""
    return base64.b64encode(os.urandom(_BYTES)).decode()


def decoded(encoded: str) -> bytes:
    """Return the bytes of a key.

    Raises:
        ValueError: this is not a key. The text of the error does not contain it.
    """
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ValueError("a key is written in base64") from error
    if len(key) != _BYTES:
        raise ValueError(f"a key has {_BYTES} bytes")
    return key


def make_file(file: Path, content: str) -> None:
    """Create a file if it does not exist: readable by its owner only, and synced to disk before use."""
    if file.exists():
        return
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=f".{file.name}-", encoding="ascii") as draft:
        draft.write(f"{content}\n")
        draft.flush()
        os.fsync(draft.fileno())
        with suppress(FileExistsError):  # another process was faster
            os.link(draft.name, file)
