"""Programs that some tests run and that not every machine has."""

import os
from pathlib import Path

import pytest

from harness.programs import find


def program(name: str) -> Path:
    """Where a program is; skips the test where there is none, unless `REQUIRE_PROGRAMS` (names, by commas) has it."""
    found = find(name)
    if found is not None:
        return found
    if name in os.environ.get("REQUIRE_PROGRAMS", "").split(","):
        pytest.fail(f"{name} is required and not installed")
    pytest.skip(f"{name} is not installed")
