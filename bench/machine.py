"""Description of the machine, and CPU time of processes."""

import os
import platform
import resource
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def describe(server_version: str) -> dict[str, str | int | float]:
    """Describe the machine, the versions of programs, and the date, so that runs can be compared."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memoryGiB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "temporalServer": server_version,
        "temporalSdk": version("temporalio"),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "loadBefore": round(os.getloadavg()[0], 2),
    }


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the total user and system time that processes have used so far."""
    return sum(_ticks(pid) for pid in pids) / _TICKS_PER_SECOND


@dataclass(frozen=True)
class Clock:
    """Point in time, with the CPU time of the machine and of the bench, to find out what other programs use."""

    at: float = field(default_factory=perf_counter)
    busy: float = field(default_factory=lambda: _busy_seconds())
    own: float = field(default_factory=lambda: _own_seconds())

    def others(self) -> float:
        """Return the share of the machine that other programs have used since.

        Programs that the bench has started and that have ended belong to the bench.
        """
        now = Clock()
        used = now.busy - self.busy - (now.own - self.own)
        return max(used / (os.cpu_count() or 1) / (now.at - self.at), 0)


def _busy_seconds() -> float:
    _, *ticks = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()
    idle, waiting = 3, 4
    return sum(int(each) for kind, each in enumerate(ticks[:8]) if kind not in (idle, waiting)) / _TICKS_PER_SECOND


def _own_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _ticks(pid: int) -> int:
    # The name, in parentheses, may contain anything. utime and stime are the 14th and 15th fields.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()
