"""Runs a drill as a person does, but quickly."""

import subprocess
import sys

from tests.end_to_end.system import ROOT

_WITHIN = 110


def passes(name: str) -> bool:
    """Whether the quick drill passes."""
    return _verdict(name, "--quick")


def finds(name: str, fault: str) -> bool:
    """Whether the quick drill fails on a planted fault."""
    return not _verdict(name, "--quick", "--plant", fault)


def _verdict(name: str, *options: str) -> bool:
    done = subprocess.run(
        [sys.executable, "-m", "drills", name, *options], cwd=ROOT, capture_output=True, text=True, timeout=_WITHIN
    )
    passed = done.returncode == 0
    # One that breaks down has come to no verdict.
    assert ("**통과 · passed**" if passed else "**실패 · FAILED**") in done.stdout, done.stdout + done.stderr
    return passed
