"""Runs a drill by its command, in the quick form."""

import subprocess
import sys

from tests.end_to_end.system import ROOT

_WITHIN = 840
"""Seconds. Less than pytest's timeout, so that the output of the drill is shown."""
_PASSED, _FAILED = "**통과 · passed**", "**실패 · FAILED**"


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
    done = subprocess.run(
        [sys.executable, "-m", "drills", name, *options], cwd=ROOT, capture_output=True, text=True, timeout=within
    )
    sys.stdout.write(done.stdout)
    # One that breaks down has come to no verdict.
    assert (_PASSED if done.returncode == 0 else _FAILED) in done.stdout, done.stdout + done.stderr
    return done.stdout
