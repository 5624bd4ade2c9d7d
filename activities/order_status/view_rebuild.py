"""The whole view, made again from the orders' workflows while the system runs."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from temporalio.service import RPCError

from activities.order_status.view_repair import ViewRepair
from domain.common.errors import StoreUnavailable
from domain.common.times import UNSET
from domain.order_status.reconciliation import Repair
from runtime.order_workflows import OrderWorkflows
from stores.order_status.view import OrderStatusStore

_LISTED_WITHIN = timedelta(minutes=1)
"""Of its start, a workflow is in Temporal's list, which cannot be read any faster than it is written."""
_TRIES = 5
_BETWEEN_TRIES = 1.0


@dataclass
class Rebuilt:
    """How far it has come."""

    looked_at: set[str] = field(default_factory=set)
    """The orders' ids."""
    ended: set[str] = field(default_factory=set)
    """Of those whose workflow was ended from outside: the reconciliation brings them to their end."""
    repaired: Counter[Repair] = field(default_factory=Counter)


class ViewRebuild:
    """Asks every workflow, open or retained, and has the view show what it tells.

    The orders' own projections go on meanwhile, and win where they are newer. It may be done again at any time.
    """

    def __init__(self, workflows: OrderWorkflows, view: OrderStatusStore, *, at_once: int) -> None:
        self._workflows = workflows
        self._view = view
        self._repair = ViewRepair(workflows, view)
        self._turns = asyncio.Semaphore(at_once)

    async def run(self, progress: Callable[[Rebuilt], None]) -> Rebuilt:
        """Look at every order once, and once more at those that were started when that began.

        Raises:
            StoreUnavailable, RPCError: the database or Temporal does not answer, for several seconds.
        """
        rebuilt, began = Rebuilt(), datetime.now(UTC)
        await self._walk(UNSET, began, rebuilt, progress)
        await self._walk(began - _LISTED_WITHIN, datetime.now(UTC), rebuilt, progress)
        return rebuilt

    async def _walk(
        self, since: datetime, until: datetime, rebuilt: Rebuilt, progress: Callable[[Rebuilt], None]
    ) -> None:
        after: str | None = None
        while True:
            page = await self._workflows.started(since, until, after)
            await asyncio.gather(*(self._look(order_id, rebuilt) for order_id in page.workflows))
            progress(rebuilt)
            if (after := page.next) is None:
                return

    async def _look(self, order_id: str, rebuilt: Rebuilt) -> None:
        async with self._turns:
            for tries_left in reversed(range(_TRIES)):
                try:
                    outcome = await self._repair.repair(order_id)
                    if outcome.ended is not None:
                        await self._view.put([outcome.ended])
                        rebuilt.ended.add(order_id)
                    if outcome.repair is not None:
                        rebuilt.repaired[outcome.repair] += 1
                    break
                except (StoreUnavailable, RPCError):
                    if not tries_left:
                        raise
                    await asyncio.sleep(_BETWEEN_TRIES)
        rebuilt.looked_at.add(order_id)
