"""What works: the state of the API and of the parts behind it, as its readiness check says."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic

import httpx2

from console.roles import Role
from console.routing import SIGNED_IN
from console.texts import N_

_FRESH_FOR = 2.0
"""Seconds for which an answer is reused."""
_WITHIN = 10.0
"""Seconds after which an API that says nothing counts as away. With a part that hangs, its answer takes up to 8."""
_PAGES_WAIT = 0.5
"""Seconds for which pages wait for an answer. Then they say what was known before, while the API is still asked."""
API = "api"
"""Name of the API among its parts."""


@dataclass(frozen=True)
class Outage:
    """What people are told while a part is down."""

    text: str
    """Text, marked for translation: what does not work, and what does."""
    concerns: frozenset[Role] = frozenset(Role)


_STAFF = frozenset({Role.MANAGER, Role.ENGINEER})
OUTAGES: Mapping[str, Outage] = {
    API: Outage(N_("The service cannot be reached at the moment. Nothing is lost; please try again shortly.")),
    "temporal": Outage(
        N_("New orders and changes cannot be accepted at the moment. What you see is as it was last known.")
    ),
    "orderWorkers": Outage(
        N_("Orders and cancellations are taken, but it takes longer to carry them out. Other changes have to wait.")
    ),
    "orderStatusStore": Outage(
        N_("Lists of orders cannot be shown at the moment. Ordering, changing and canceling still work.")
    ),
    "managementCenterStore": Outage(
        N_("Free times cannot be shown at the moment. You can still order: we then choose the earliest time.")
    ),
    "installationStore": Outage(
        N_("Work lists cannot be shown at the moment. Ordering and the progress of orders still work."), _STAFF
    ),
    "auditStore": Outage(
        N_("Changes of staff, areas and products cannot be recorded at the moment."), frozenset({Role.MANAGER})
    ),
}
"""By part, as `/health/ready` of the API names it; the most important first."""


class Availability:
    """Asks the API how it is, at most every two seconds, however many pages are shown."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client
        self._down: frozenset[str] = frozenset()
        self._asked_at = -_FRESH_FOR
        self._asking: asyncio.Task[None] | None = None

    async def down(self) -> frozenset[str]:
        """Return the names of the parts that are down."""
        if self._asking is None and monotonic() - self._asked_at >= _FRESH_FOR:
            self._asked_at = monotonic()
            self._asking = asyncio.create_task(self._ask())
        if self._asking is not None:
            await asyncio.wait([self._asking], timeout=max(0.0, self._asked_at + _PAGES_WAIT - monotonic()))
        return self._down

    async def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    def forget(self) -> None:
        """Ask again the next time."""
        self._asked_at = -_FRESH_FOR

    async def check(self) -> None:
        """
        Raises:
            ConnectionError: the API cannot be reached.
        """
        if API in await self.down():
            raise ConnectionError("the API does not answer")

    async def outages(self, roles: frozenset[Role]) -> list[Outage]:
        """Return what concerns somebody with these roles. If the API is away, nothing else is known."""
        down = await self.down()
        return [outage for part, outage in OUTAGES.items() if part in down and outage.concerns & (roles or SIGNED_IN)]

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(_WITHIN):
                response = await self._client.get("/health/ready")
            parts: Mapping[str, str] = response.json()["parts"]
            self._down = frozenset(part for part, state in parts.items() if state != "up")
        except (TimeoutError, httpx2.HTTPError, ValueError, KeyError, TypeError):
            self._down = frozenset({API})
        finally:
            self._asked_at, self._asking = monotonic(), None
