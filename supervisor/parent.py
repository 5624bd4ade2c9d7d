"""The process that started the supervisor and that it should not outlive: `make`."""

import os
import signal
from pathlib import Path


class Parent:
    """Tells when the parent has ended or been asked to."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._awaited_interrupt = _catches_interrupt(pid)

    def is_ending(self) -> bool:
        """The parent is gone, or was interrupted.

        Interrupted on its own (`kill -INT`, not Ctrl-C, which reaches everybody) make tells its children nothing and
        waits for them. All that can be seen of it is that its handler has been taken out.
        """
        return os.getppid() != self._pid or (self._awaited_interrupt and not _catches_interrupt(self._pid))


def _catches_interrupt(pid: int) -> bool:
    """Whether a process handles SIGINT; false where that cannot be known (there is no /proc)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    masks = dict(line.split(":", 1) for line in status.splitlines() if line.startswith("Sig"))
    return bool(int(masks.get("SigCgt", "0"), 16) >> (signal.SIGINT - 1) & 1)
