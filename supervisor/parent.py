"""Parent process (`make`), which the supervisor should not outlive."""

import os
import signal
from pathlib import Path


class Parent:
    """Observes whether the parent has ended or was interrupted."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._awaited_interrupt = _catches_interrupt(pid)

    def is_ending(self) -> bool:
        """Whether the parent is gone, or was interrupted.

        If only make is interrupted (by `kill -INT`, not by Ctrl-C, which reaches all processes), it does not inform its
        children and waits for them. The only visible effect is that its signal handler has been removed.
        """
        return os.getppid() != self._pid or (self._awaited_interrupt and not _catches_interrupt(self._pid))


def _catches_interrupt(pid: int) -> bool:
    """Whether a process handles SIGINT. False if that cannot be found out, because there is no /proc."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    masks = dict(line.split(":", 1) for line in status.splitlines() if line.startswith("Sig"))
    return bool(int(masks.get("SigCgt", "0"), 16) >> (signal.SIGINT - 1) & 1)
