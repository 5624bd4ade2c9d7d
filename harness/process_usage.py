"""What a process uses, from Linux' `/proc`: memory, processor time, connections."""

import socket
import struct
from collections import Counter
from contextlib import suppress
from pathlib import Path

_NANOSECONDS = 1e9
_HOLDS = ("01", "08")
"""States of a connection (hexadecimal) that its process has not closed: ESTABLISHED, CLOSE_WAIT."""


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    [kibibytes] = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
    return int(kibibytes) / 1024


def processor_seconds(pid: int) -> float:
    """Return the seconds for which the living threads of a process have run."""
    seconds = 0.0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            seconds += _schedule(thread)[0]
    return seconds


def waited_seconds(pid: int | str, thread: int | None = None) -> float:
    """Return the seconds for which a process's thread (default: the main one) was ready to run and had no processor."""
    return _schedule(Path(f"/proc/{pid}/task/{thread or pid}"))[1]


def held_connections(port: int) -> Counter[str]:
    """Count the IPv4 connections to a port of this machine that its process holds open, by the client's address."""
    held: Counter[str] = Counter()
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, local, remote, state, *_, inode = line.split()[:10]
        # A connection that is not accepted yet, or that its process has closed, has no inode.
        if state in _HOLDS and int(local.partition(":")[2], 16) == port and inode != "0":
            held[socket.inet_ntoa(struct.pack("=I", int(remote.partition(":")[0], 16)))] += 1
    return held


def _schedule(task: Path) -> tuple[float, float]:
    """Return the seconds for which a thread has run, and for which it was ready and waited."""
    ran, waited, _ = (task / "schedstat").read_text(encoding="ascii").split()
    return int(ran) / _NANOSECONDS, int(waited) / _NANOSECONDS
