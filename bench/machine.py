"""What the measurements ran on, and the CPU that a process has used."""

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
    """The machine, the programs and the date, for whoever compares two runs."""
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
    """User and system time that processes have used so far, all together."""
    return sum(_ticks(pid) for pid in pids) / _TICKS_PER_SECOND


@dataclass(frozen=True)
class Clock:
    """A point in time, in the machine's and in the bench's own CPU time; made anew, it tells what others used since."""

    at: float = field(default_factory=perf_counter)
    busy: float = field(default_factory=lambda: _busy_seconds())
    own: float = field(default_factory=lambda: _own_seconds())

    def others(self) -> float:
        """The share of the machine that others than the bench, and what it has started and ended, have used since."""
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
    # The name, in parentheses, may hold anything; utime and stime are the 14th and 15th field.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()
