"""The check for known vulnerabilities fails if there is one, and ignores only a source that does not answer."""

import subprocess
from pathlib import Path

import pytest

from harness.waiting import PATIENCE

CHECK = Path(__file__).parents[1] / ".ci" / "vulnerabilities"
FOUND = "Found 1 known vulnerability in 1 package\nName  Version ID\npyjwt 2.3.0   PYSEC-2022-202"
SKIPPED = "starlette Dependency not found on PyPI and could not be audited: starlette (1.10.0)"


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize(
    ("said", "status", "expected", "shown"),
    [
        ("No known vulnerabilities found", 0, 0, "No known"),
        (FOUND, 1, 1, "PYSEC-2022-202"),
        (f"{FOUND}\n{SKIPPED}", 1, 1, "PYSEC-2022-202"),
        (f"No known vulnerabilities found\n{SKIPPED}", 0, 0, "NOT CHECKED: PyPI knows nothing of 1 packages"),
        ("ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed", 1, 0, "NOT CHECKED"),
        ("requests.exceptions.ProxyError: HTTPSConnectionPool", 1, 0, "NOT CHECKED"),
        ("ERROR:pip_audit._cli:requirement starlette is missing a hash", 1, 1, "missing a hash"),
    ],
)
def test_only_a_silent_source_is_passed_over(tmp_path: Path, said: str, status: int, expected: int, shown: str) -> None:
    tool = tmp_path / "pip-audit"
    tool.write_text(f"#!/bin/sh\ncat <<'SAID'\n{said}\nSAID\nexit {status}\n")
    tool.chmod(0o755)

    checked = subprocess.run([CHECK, tool, "lock.txt"], capture_output=True, text=True, timeout=PATIENCE)

    assert checked.returncode == expected
    assert shown in checked.stdout
