"""Revoked tokens: a file in which an operator writes while the service runs.

Each line is `SUBJECT TIME`, with an RFC 3339 time: no token of the subject counts that was issued before, or that does
not say when. Empty lines, and lines that begin with `#`, mean nothing.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, Gauge
from pydantic import TypeAdapter

from api.http.times import GivenTime
from runtime.settings import InsecureConfiguration

LOOK_EVERY = 1.0
"""Seconds between two looks at the file."""
LARGEST = 1024 * 1024
"""The largest file, in bytes."""
_TIME: TypeAdapter[GivenTime] = TypeAdapter(GivenTime)

_log = structlog.get_logger(__name__)


class Revocations:
    """What the file says. While it cannot be read, what it said before counts."""

    def __init__(self, file: Path, registry: CollectorRegistry) -> None:
        """Read the file.

        Raises:
            InsecureConfiguration: the file cannot be read.
        """
        self._file = file
        self._content = b""
        self._before: Mapping[str, float] = {}
        self._problem: str | None = None
        unreadable = Gauge(
            "revoked_tokens_unreadable",
            "1 while the file of revoked tokens cannot be read, and what it said before counts",
            registry=registry,
        )
        unreadable.set_function(lambda: self._problem is not None)
        try:
            self._read()
        except (OSError, ValueError) as error:
            raise InsecureConfiguration(f"REVOKED_TOKENS={file} cannot be read: {error}") from error

    def applies(self, subject: str, issued_at: float | None) -> bool:
        """Return whether a token of this subject is revoked. `None`: the token does not say when it was issued."""
        before = self._before.get(subject)
        return before is not None and (issued_at is None or issued_at < before)

    def reload(self) -> None:
        """Read the file again, if it has changed."""
        try:
            self._read()
        except (OSError, ValueError) as error:
            if self._problem != str(error):
                _log.error("the file of revoked tokens cannot be read: what it said before counts", error=str(error))
            self._problem = str(error)
        else:
            self._problem = None

    async def run(self) -> None:
        """Look at the file forever."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await asyncio.to_thread(self.reload)

    def _read(self) -> None:
        with self._file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ValueError(f"it has more than {LARGEST:,} bytes")
        if content != self._content:
            self._before = _parsed(content.decode())
            self._content = content
            _log.info("read the file of revoked tokens", subjects=len(self._before))


def _parsed(text: str) -> Mapping[str, float]:
    """Return for each subject the time before which no token counts. Of several times, the latest.

    Raises:
        ValueError: a line has another format. The text names its number, and not its content.
    """
    before: dict[str, float] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        subject, _, time = words.rpartition(" ")
        try:
            revoked = _TIME.validate_python(time).timestamp()
        except ValueError:
            revoked = None
        if revoked is None or not subject:
            raise ValueError(f"line {number} is not SUBJECT TIME, with a time as in 2026-07-01T09:00:00Z")
        subject = subject.strip()
        before[subject] = max(revoked, before.get(subject, revoked))
    return before
