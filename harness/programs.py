"""Programs that may not be installed on every machine."""

import os
import shutil
from pathlib import Path

_ALSO_IN = ("/usr/sbin", "/usr/local/sbin")


class ProgramMissing(Exception):
    """A program is not installed."""


def find(name: str) -> Path | None:
    """Return the path of a program, or `None`."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *_ALSO_IN]))
    return Path(found) if found else None


def needed(name: str) -> str:
    """Return the path of a program.

    Raises:
        ProgramMissing: it is not installed.
    """
    found = find(name)
    if found is None:
        raise ProgramMissing(f"{name} is not installed; it is a package of Debian and Ubuntu")
    return str(found)
