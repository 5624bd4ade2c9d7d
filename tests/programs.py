"""Programs that some tests run and that not every machine has."""

import os
import shutil
from pathlib import Path

import pytest

_ALSO_IN = ("/usr/sbin", "/usr/local/sbin")


def program(name: str) -> Path:
    """Where a program is; skips the test where there is none, unless `REQUIRE_PROGRAMS` (names, by commas) has it."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *_ALSO_IN]))
    if found is not None:
        return Path(found)
    if name in os.environ.get("REQUIRE_PROGRAMS", "").split(","):
        pytest.fail(f"{name} is required and not installed")
    pytest.skip(f"{name} is not installed")
