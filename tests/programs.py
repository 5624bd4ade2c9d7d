"""Programs that some tests run and that not every machine has."""

import os
from pathlib import Path
from typing import NoReturn

import pytest

from harness import release_before
from harness.programs import find
from harness.release_before import Checkout


def program(name: str) -> Path:
    """Where a program is; skips the test where there is none, unless `REQUIRE_PROGRAMS` (names, by commas) has it."""
    found = find(name)
    if found is None:
        _lacking(name, "is not installed")
    return found


def the_release_before() -> Checkout:
    """The release before, made where that has not been done; skips the test where git does not have it here.

    `REQUIRE_PROGRAMS` calls it `release-before`.
    """
    try:
        return release_before.prepared()
    except release_before.NotTried as reason:
        _lacking(release_before.NAME, f"is not tried: {reason}")


def _lacking(name: str, why: str) -> NoReturn:
    if name in os.environ.get("REQUIRE_PROGRAMS", "").split(","):
        pytest.fail(f"{name} is required and {why}")
    pytest.skip(f"{name} {why}")
