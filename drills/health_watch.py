"""Watches a running API from a thread of its own: whether it lives, its memory, the connections that it holds."""

import http.client
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from time import monotonic

from harness.process_usage import held_connections, resident_mib, waited_seconds
from harness.supervised import Supervised
from harness.waiting import soon

_EVERY = 0.1
"""Seconds between two looks."""
_GIVES_UP_AFTER = 20.0
"""Seconds without an answer after which a look ends."""
_TICK = 0.05
_STALL = 0.1
"""Seconds by which a tick is late if the machine stands still. A host that takes it away is in no process's account."""


@dataclass(frozen=True)
class Look:
    """What was seen at one time."""

    at: float
    """When it was due, by the monotonic clock."""
    answered: bool
    """Whether `/health/live` was answered with `200`."""
    took: float
    """Seconds from then until `/health/live` was answered."""
    starved: float
    """Seconds of these in which the machine had no processor for the API or the observer, or stood still."""
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
        self._ticking = threading.Thread(target=self._tick, name="health-watch-clock", daemon=True)
        self._next_tick = inf
        self._stalls: dict[float, float] = {}
        """Beginning and end of each time for which the machine stood still."""
        self._looks: list[Look] = []
        self._connection = http.client.HTTPConnection(
            service.settings.api_host, service.settings.api_port, timeout=_GIVES_UP_AFTER
        )

    def __enter__(self) -> "HealthWatch":
        self._ticking.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._ticking.join()
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
            look = self._look(due)
            self._looks.append(look)
            due = max(due + _EVERY, look.at + look.took)

    def _tick(self) -> None:
        self._next_tick = monotonic() + _TICK
        while not self._stop.wait(max(0.0, self._next_tick - monotonic())):
            now = monotonic()
            if now - self._next_tick > _STALL:
                self._stalls[self._next_tick] = now
            self._next_tick = now + _TICK

    def _stood_still(self, since: float, until: float) -> float:
        """Return the seconds of a span in which the machine stood still."""
        due, stalls = self._next_tick, {}
        # The tick after a stall may come after the answer.
        if until - due > _STALL:
            stalls[due] = until
        stalls |= self._stalls
        return sum(max(0.0, min(end, until) - max(begin, since)) for begin, end in stalls.items())

    def _look(self, due: float) -> Look:
        began, pid = monotonic(), self._service.pid("api")
        waited = self._waited(pid)
        answered = self._ask()
        now = monotonic()
        took, resident = now - due, 0.0
        # Who waits for a processor is late for a tick as well: these are the same seconds.
        starved = min(took, began - due + max(self._waited(pid) - waited, self._stood_still(began, now), 0.0))
        with suppress(OSError, ValueError):
            resident = resident_mib(pid) if pid else 0.0
        return Look(due, answered, took, starved, resident, held_connections(self._service.settings.api_port))

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
