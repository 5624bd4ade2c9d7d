"""Programs that some tests need, and that are not installed on every machine."""

import os
from pathlib import Path
from typing import NoReturn

import pytest

from harness import release_before
from harness.programs import find
from harness.release_before import Checkout


def program(name: str) -> Path:
    """Return the path of a program. Skips the test if it is missing, unless it is in `REQUIRE_PROGRAMS`."""
    found = find(name)
    if found is None:
        _lacking(name, "is not installed")
    return found


def the_release_before() -> Checkout:
    """Return the previous release, prepared if necessary. Skips the test if git does not have that release.

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
