"""Rebuild of the whole view from the orders' workflows, while the system runs."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Self

from temporalio.service import RPCError

from activities.common.concurrency import for_each
from activities.order_status.view_repair import ViewRepair
from domain.common.errors import StoreUnavailable
from domain.common.times import UNSET
from domain.order_status.reconciliation import Repair
from runtime.order_workflows import OrderWorkflows
from stores.order_status.view import OrderStatusStore

_LISTED_WITHIN = timedelta(minutes=1)
"""Time after its start within which a workflow is in Temporal's list."""
_TRIES = 5
_BETWEEN_TRIES = 1.0


@dataclass(frozen=True)
class Position:
    """How far a rebuild has come: it has checked the workflows of this time that Temporal lists before `after`."""

    since: datetime
    until: datetime
    after: str | None = None
    """Cursor in Temporal's list; `None` at its beginning."""

    def __str__(self) -> str:
        """Return the position as one word, with which people let a rebuild go on."""
        return f"{self.since.isoformat()}/{self.until.isoformat()}/{self.after or ''}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the position of a text.

        Raises:
            ValueError: the text is not a position.
        """
        since, until, after = text.split("/", 2)
        first, last = (datetime.fromisoformat(time).astimezone(UTC) for time in (since, until))
        return cls(first, last, after or None)


@dataclass
class Rebuilt:
    """Progress of a rebuild."""

    position: Position
    compared: int = 0
    """Orders that were checked."""
    ended: int = 0
    """Orders whose workflow was ended from outside. The reconciliation ends these orders."""
    repaired: Counter[Repair] = field(default_factory=Counter)
    recent: set[str] = field(default_factory=set)
    """Ids of the checked orders that were started so late that the list may lack others of that time."""


class ViewRebuild:
    """Queries every workflow, open or retained, and stores its order in the view.

    The orders' own projections continue meanwhile, and win if they are newer. A rebuild can be repeated at any time,
    and can go on from where an earlier one was interrupted.
    """

    def __init__(self, workflows: OrderWorkflows, view: OrderStatusStore, *, at_once: int) -> None:
        self._workflows = workflows
        self._view = view
        self._repair = ViewRepair(workflows, view)
        self._at_once = at_once

    @staticmethod
    def begin() -> Rebuilt:
        """Return the progress of a rebuild that has not checked anything."""
        return Rebuilt(Position(UNSET, datetime.now(UTC)))

    async def run(self, rebuilt: Rebuilt, progress: Callable[[], None]) -> None:
        """Check every order once, and then those that were started shortly before or during the first walk.

        Args:
            rebuilt: Where to begin. It is kept up to date page by page, also if this fails.
            progress: Called after each page.

        Raises:
            StoreUnavailable, RPCError: the database or Temporal has not answered for several seconds.
        """
        await self._walk(rebuilt, progress)
        rebuilt.position = Position(rebuilt.position.until - _LISTED_WITHIN, datetime.now(UTC))
        await self._walk(rebuilt, progress)

    async def _walk(self, rebuilt: Rebuilt, progress: Callable[[], None]) -> None:
        """Check the workflows of the position's time, from the position on."""
        recent = rebuilt.position.until - _LISTED_WITHIN
        while True:
            here = rebuilt.position
            page = await self._workflows.started(here.since, here.until, here.after)
            looked_at = page.workflows.keys() - rebuilt.recent
            await for_each(looked_at, lambda order_id: self._look(order_id, rebuilt), at_once=self._at_once)
            rebuilt.compared += len(looked_at)
            rebuilt.recent |= {id_ for id_ in looked_at if page.workflows[id_].start_time >= recent}
            if page.next is None:
                return
            rebuilt.position = replace(here, after=page.next)
            progress()

    async def _look(self, order_id: str, rebuilt: Rebuilt) -> None:
        for tries_left in reversed(range(_TRIES)):
            try:
                outcome = await self._repair.repair(order_id)
                if outcome.ended is not None:
                    await self._view.put([outcome.ended])
                    rebuilt.ended += 1
                if outcome.repair is not None:
                    rebuilt.repaired[outcome.repair] += 1
                return
            except (StoreUnavailable, RPCError):
                if not tries_left:
                    raise
                await asyncio.sleep(_BETWEEN_TRIES)
