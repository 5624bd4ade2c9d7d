"""Launcher of a part: ties this process to the supervisor's life, and then replaces it by the part's program.

Run as `launcher.py SUPERVISOR-PID PROGRAM ARGUMENT…`. Standard input is a pipe. Only the supervisor holds its other
end, and never writes to it.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def kernel_kills_orphan() -> None:
    """Have Linux kill this process as soon as its parent has died."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def watcher_kills_orphan() -> None:
    """Without support by the kernel: a second process kills the group when the pipe's other end closes."""
    if os.fork() == 0:
        os.closerange(1, 3)
        os.read(0, 1)
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    supervisor, *command = sys.argv[1:]
    if sys.platform == "linux":
        kernel_kills_orphan()
    else:
        watcher_kills_orphan()
    if os.getppid() != int(supervisor):
        sys.exit("the supervisor ended before this part began")
    try:
        os.execvp(command[0], command)  # noqa: S606 - a shell is what this avoids
    except OSError as error:
        sys.exit(f"{command[0]} cannot be run: {error.strerror}")
