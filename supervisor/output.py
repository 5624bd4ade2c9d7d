"""Output of the parts: each has a log file of limited size, and most also appear in the terminal."""

import logging
import os
import queue
import threading
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

_LOG_BYTES = 5_000_000
_LONGEST_LINE = 64 * 1024
_LAST_LINES_WITHIN = 3.0


class Terminal:
    """Standard output, line by line. A reader that does not read never blocks the supervisor: lines are dropped."""

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._lines: queue.Queue[bytes | None] = queue.Queue(maxsize=1000)
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    def say(self, line: str, *, source: str = "run") -> None:
        """Write a line with its source."""
        try:
            self._lines.put_nowait(f"{source:<9} | {line}\n".encode())
        except queue.Full:
            return

    def close(self) -> None:
        """Write the remaining lines, if somebody reads them."""
        with suppress(queue.Full):
            self._lines.put(None, timeout=_LAST_LINES_WITHIN)
            self._writer.join(timeout=_LAST_LINES_WITHIN)

    def _write(self) -> None:
        for line in iter(self._lines.get, None):
            rest = line
            try:
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError:  # the reader is gone
                return


class Log(RotatingFileHandler):
    """Log of a part: one file and its predecessor, across all runs."""

    def __init__(self, directory: Path, name: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__(directory / f"{name}.log", maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8")

    def write(self, line: str) -> None:
        """Add a line."""
        self.handle(logging.makeLogRecord({"msg": line}))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base class's name
        """A full disk costs lines of the log, not the part."""


def follow(descriptor: int, name: str, log: Log, terminal: Terminal | None) -> threading.Thread:
    """Copy lines from a pipe to the log and the terminal until the pipe's other end closes."""

    def copy() -> None:
        with open(descriptor, "rb") as output:
            while raw := output.readline(_LONGEST_LINE):
                line = raw.decode(errors="replace").rstrip("\r\n")
                log.write(line)
                if terminal:
                    terminal.say(line, source=name)

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    return thread
