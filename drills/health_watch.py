"""Watches a running API from a thread of its own: whether it lives, its memory, the connections that it holds."""

import http.client
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

from harness.process_usage import held_connections, resident_mib, waited_seconds
from harness.supervised import Supervised
from harness.waiting import soon

_EVERY = 0.1
"""Seconds between two looks."""
_GIVES_UP_AFTER = 20.0
"""Seconds without an answer after which a look ends."""


@dataclass(frozen=True)
class Look:
    """What was seen at one time."""

    at: float
    """Time, of the monotonic clock."""
    answered: bool
    """Whether `/health/live` was answered with `200`."""
    took: float
    """Seconds until `/health/live` was answered."""
    starved: float
    """Seconds of these in which the API, or the observer, was ready to run, and the machine had no processor for it."""
    resident: float
    """MiB of the API's memory, or 0 if it is not there."""
    held: Counter[str] = field(default_factory=Counter)
    """Connections that the API holds, by the client's address."""

    @property
    def own(self) -> float:
        """Seconds that the API took for its answer."""
        return self.took - self.starved


class HealthWatch:
    """Looks at the API ten times a second, over a connection of its own."""

    def __init__(self, service: Supervised) -> None:
        self._service = service
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="health-watch", daemon=True)
        self._looks: list[Look] = []
        self._connection = http.client.HTTPConnection(
            service.settings.api_host, service.settings.api_port, timeout=_GIVES_UP_AFTER
        )

    def __enter__(self) -> "HealthWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._connection.close()

    async def since(self, moment: float) -> Sequence[Look]:
        """Return the looks that had not ended at a time of the monotonic clock, and one that begins now."""
        now = monotonic()

        async def looked() -> bool:
            return bool(self._looks) and self._looks[-1].at >= now

        await soon(looked, what="another look at the API")
        return [look for look in tuple(self._looks) if look.at + look.took >= moment]

    def _watch(self) -> None:
        due = monotonic()
        while not self._stop.wait(max(0.0, due - monotonic())):
            self._looks.append(self._look())
            due = max(due + _EVERY, monotonic())

    def _look(self) -> Look:
        at, pid = monotonic(), self._service.pid("api")
        waited = self._waited(pid)
        answered = self._ask()
        took = monotonic() - at
        starved, resident = min(took, max(0.0, self._waited(pid) - waited)), 0.0
        with suppress(OSError, ValueError):
            resident = resident_mib(pid) if pid else 0.0
        return Look(at, answered, took, starved, resident, held_connections(self._service.settings.api_port))

    def _ask(self) -> bool:
        try:
            self._connection.request("GET", "/health/live")
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return False
        return answer.status == http.client.OK

    def _waited(self, pid: int | None) -> float:
        own = waited_seconds("self", threading.get_native_id())
        with suppress(OSError, ValueError):
            own += waited_seconds(pid) if pid else 0.0
        return own
