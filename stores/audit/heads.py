"""A file of heads of the audit chain: a copy that is not in the database, so that a forged chain is recognized.

A line is `TIME SEQUENCE:HASH`. The file grows to `MOST` lines. Then every second line of its older half is removed, so
heads of all times stay, and the most of them are recent.
"""

import os
from datetime import datetime
from pathlib import Path

from domain.audit import Head

MOST = 10_000


class HeadsFile:
    """The file. Only its owner can read it. Its methods raise `OSError` if it cannot be read or written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, head: Head, at: datetime) -> None:
        """Add a head."""
        line = f"{at:%Y-%m-%dT%H:%M:%SZ} {head}"
        lines = self._lines()
        if len(lines) < MOST:
            self._write(self._path, [line], os.O_APPEND)
            return
        draft = self._path.with_suffix(".new")
        self._write(draft, [*lines[: MOST // 2 : 2], *lines[MOST // 2 :], line], os.O_TRUNC)
        draft.replace(self._path)

    def heads(self) -> list[Head]:
        """Return the heads in the file; none if it does not exist.

        Raises:
            ValueError: a line is not a head.
        """
        return [Head.parse(line.rpartition(" ")[2]) for line in self._lines()]

    def _lines(self) -> list[str]:
        try:
            return self._path.read_text(encoding="ascii").splitlines()
        except FileNotFoundError:
            return []

    def _write(self, path: Path, lines: list[str], mode: int) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | mode, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.writelines(f"{line}\n" for line in lines)
