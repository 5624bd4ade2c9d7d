"""Limits how many lines a logger writes about what anybody can send."""

import logging
from collections.abc import Callable
from time import monotonic

MOST_LINES = 60
"""Lines of one logger in a minute."""
_MINUTE = 60.0

_log = logging.getLogger(__name__)


class LineLimit(logging.Filter):
    """Passes so many lines of a logger in a minute, and every error. Says afterwards how many lines were left out."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._now = now
        self._began = now()
        self._lines = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line is written."""
        if record.levelno >= logging.ERROR:  # Nobody can hide an error behind what they send.
            return True
        if self._now() - self._began >= _MINUTE:
            left_out, self._began, self._lines = self._lines - MOST_LINES, self._now(), 0
            if left_out > 0:
                _log.warning("%d lines of %s were left out", left_out, record.name)
        self._lines += 1
        return self._lines <= MOST_LINES


def limit_lines(logger: str) -> None:
    """Limit the lines of a logger, once."""
    limited = logging.getLogger(logger)
    if not any(isinstance(each, LineLimit) for each in limited.filters):
        limited.addFilter(LineLimit())
