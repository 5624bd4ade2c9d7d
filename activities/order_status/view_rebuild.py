"""Rebuild of the whole view from the orders' workflows, while the system runs."""

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
"""Time after its start within which a workflow is in Temporal's list."""
_TRIES = 5
_BETWEEN_TRIES = 1.0


@dataclass
class Rebuilt:
    """Progress of a rebuild."""

    looked_at: set[str] = field(default_factory=set)
    """Ids of the orders that were checked."""
    ended: set[str] = field(default_factory=set)
    """Ids of orders whose workflow was ended from outside. The reconciliation ends these orders."""
    repaired: Counter[Repair] = field(default_factory=Counter)


class ViewRebuild:
    """Queries every workflow, open or retained, and stores its order in the view.

    The orders' own projections continue meanwhile, and win if they are newer. A rebuild can be repeated at any time.
    """

    def __init__(self, workflows: OrderWorkflows, view: OrderStatusStore, *, at_once: int) -> None:
        self._workflows = workflows
        self._view = view
        self._repair = ViewRepair(workflows, view)
        self._turns = asyncio.Semaphore(at_once)

    async def run(self, progress: Callable[[Rebuilt], None]) -> Rebuilt:
        """Check every order once, and then those that were started shortly before or during the first walk.

        Raises:
            StoreUnavailable, RPCError: the database or Temporal has not answered for several seconds.
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
