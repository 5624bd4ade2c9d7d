"""The database servers for the tests, and their line in pytest's report."""

import os

import pytest

from harness.databases import MARIADB, POSTGRESQL, SQLITE, Server, Servers, kinds, left_out, servers

__all__ = ["MARIADB", "POSTGRESQL", "SQLITE", "Server", "Servers", "kinds", "servers"]


def pytest_report_header() -> str:
    """Return the line of pytest's report with the kinds of databases that are tested and left out.

    Raises:
        pytest.UsageError: a required kind is not available.
    """
    missing = left_out()
    required = set(filter(None, os.environ.get("REQUIRE_DATABASES", "").split(",")))
    reasons = "; ".join(f"{kind} left out, not found: {', '.join(programs)}" for kind, programs in missing.items())
    if required - set(kinds()):
        raise pytest.UsageError(f"REQUIRE_DATABASES={','.join(sorted(required))}: {reasons or 'no such kind'}")
    return "databases: " + ", ".join(kinds()) + (f" ({reasons})" if reasons else "")
