"""What the measurements ran on, and the CPU that a process has used."""

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

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
