"""Runs a drill as a person does, but quickly."""

import subprocess
import sys

from tests.end_to_end.system import ROOT

_WITHIN = 840
"""Seconds; less than pytest gives a test, so that what the drill has said is shown."""


def passes(name: str, *, within: float = _WITHIN) -> bool:
    """Whether the quick drill passes; what it has seen is shown where it does not."""
    return _verdict(within, name, "--quick")


def finds(name: str, fault: str, *, within: float = _WITHIN) -> bool:
    """Whether the quick drill fails on a planted fault."""
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
