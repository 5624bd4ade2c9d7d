"""Runs a drill by its command, in the quick form."""

import os
import subprocess
import sys
from time import monotonic

from tests.end_to_end.system import ROOT

_WITHIN = 840
"""Seconds. Less than pytest's timeout, so that the output of the drill is shown."""
_TRIES = 3
"""How often a drill is begun that says that the machine had too much to do for it."""
_PASSED, _FAILED = "**통과 · passed**", "**실패 · FAILED**"
_VERDICTS = {0: _PASSED, 1: _FAILED}
"""By exit status."""
_NONE = "a verdict"


def passes(name: str, *, within: float = _WITHIN) -> bool:
    """Return whether the quick drill passes. Its output is shown if it fails."""
    return _passed(_report(within, name, "--quick"))


def finds(name: str, fault: str, *, because: str = "", within: float = _WITHIN) -> bool:
    """Return whether the quick drill fails on a planted fault, by a check with this text."""
    report = _report(within, name, "--quick", "--plant", fault)
    return not _passed(report) and any(line.startswith("- ✗") and because in line for line in report.splitlines())


def _passed(report: str) -> bool:
    return _PASSED in report


def _report(within: float, name: str, *options: str) -> str:
    command, deadline = [sys.executable, "-m", "drills", name, *options], monotonic() + within
    for _ in range(_TRIES):
        began = monotonic()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=deadline - began)
        sys.stdout.write(done.stdout)
        # Another try takes as long again.
        if done.returncode != os.EX_UNAVAILABLE or 2 * monotonic() - began > deadline:
            break
    # One that breaks down, or could not be tried, has come to no verdict.
    assert _VERDICTS.get(done.returncode, _NONE) in done.stdout, done.stdout + done.stderr
    return done.stdout
