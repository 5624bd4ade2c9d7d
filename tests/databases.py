"""The database servers that tests run on, and what pytest's report says of them."""

import os

import pytest

from harness.databases import MARIADB, POSTGRESQL, SQLITE, Server, Servers, kinds, left_out, servers

__all__ = ["MARIADB", "POSTGRESQL", "SQLITE", "Server", "Servers", "kinds", "servers"]


def pytest_report_header() -> str:
    """What will be tested on, and what not, for the top of pytest's report.

    Raises:
        pytest.UsageError: a kind is required that is not here.
    """
    missing = left_out()
    required = set(filter(None, os.environ.get("REQUIRE_DATABASES", "").split(",")))
    reasons = "; ".join(f"{kind} left out, not found: {', '.join(programs)}" for kind, programs in missing.items())
    if required - set(kinds()):
        raise pytest.UsageError(f"REQUIRE_DATABASES={','.join(sorted(required))}: {reasons or 'no such kind'}")
    return "databases: " + ", ".join(kinds()) + (f" ({reasons})" if reasons else "")
