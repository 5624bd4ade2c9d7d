"""Runs a drill by its command, in the quick form."""

import subprocess
import sys

from tests.end_to_end.system import ROOT

_WITHIN = 840
"""Seconds. Less than pytest's timeout, so that the output of the drill is shown."""


def passes(name: str, *, within: float = _WITHIN) -> bool:
    """Return whether the quick drill passes. Its output is shown if it fails."""
    return _verdict(within, name, "--quick")


def finds(name: str, fault: str, *, within: float = _WITHIN) -> bool:
    """Return whether the quick drill fails on a planted fault."""
    return not _verdict(within, name, "--quick", "--plant", fault)


def _verdict(within: float, name: str, *options: str) -> bool:
    done = subprocess.run(
        [sys.executable, "-m", "drills", name, *options], cwd=ROOT, capture_output=True, text=True, timeout=within
    )
    sys.stdout.write(done.stdout)
    passed = done.returncode == 0
    # One that breaks down has come to no verdict.
    assert ("**통과 · passed**" if passed else "**실패 · FAILED**") in done.stdout, done.stdout + done.stderr
    return passed
