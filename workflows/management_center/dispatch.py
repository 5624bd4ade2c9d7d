"""DispatchWorkflow (배차): asks orders to decide their engineer again. Each region has one of its own.

The management center's store knows which orders are due, so nothing is lost if this workflow ends early. Whoever
makes an order due signals it, and the context's workers check periodically.
"""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from domain.management_center.dispatch import FIND_DUE, LOOK, TELL_ORDER, WORKFLOW_TYPE, Due, FindDue, region_of
from workflows.common.activity_calls import execute

_ONE_TRY = timedelta(seconds=5)
_PATIENCE = timedelta(seconds=30)
"""Time for one order to answer. After it, the order is postponed."""
_RETRIES = RetryPolicy(maximum_interval=timedelta(seconds=10))
_AT_ONCE = 10
"""Orders that are asked at the same time."""
_BY_REGION = "by-region"
"""Patch: a run that a worker of the release before has begun serves all regions to its end, whatever its id says."""


@workflow.defn(name=WORKFLOW_TYPE)
class DispatchWorkflow:
    """Runs while orders are due, and then ends. Its region follows from its id."""

    def __init__(self) -> None:
        self.signaled = False
        self.asked_rounds: set[tuple[str, int]] = set()
        self.postponed: list[str] = []

    @workflow.run
    async def run(self) -> None:
        """Ask orders until none is due except those that do not answer."""
        region = region_of(workflow.info().workflow_id)
        by_region = region is not None and workflow.patched(_BY_REGION)
        while not workflow.info().is_continue_as_new_suggested():
            self.signaled = False
            found = await (self._dispatch_in(region) if by_region else self._dispatch_everywhere())
            if not found and not self.signaled:
                return
        workflow.continue_as_new()

    @workflow.signal(name=LOOK)
    def look(self, _: str = "") -> None:
        """Look again for orders that are due."""
        self.signaled = True

    async def _dispatch_in(self, region: str | None) -> bool:
        """Ask the next orders of a region, several at once. Return whether there was one that was not asked before."""
        due = await execute(FIND_DUE, FindDue(region=region), one_try=_ONE_TRY, retries=_RETRIES)
        found = [order for order in due if (order.order_id, order.round) not in self.asked_rounds]
        turns = asyncio.Semaphore(_AT_ONCE)

        async def ask(order: Due) -> None:
            async with turns:
                await self._reconsider(order)

        await asyncio.gather(*map(ask, found))
        return bool(found)

    async def _dispatch_everywhere(self) -> bool:
        """Ask the next orders of all regions, one after another, as the release before. Return whether one was due."""
        due = await execute(FIND_DUE, FindDue(self.postponed), one_try=_ONE_TRY, retries=_RETRIES)
        for order in due:
            if not await self._reconsider(order):
                self.postponed.append(order.order_id)
        return bool(due)

    async def _reconsider(self, order: Due) -> bool:
        """Ask the order to decide, once for each round. Return whether it has decided."""
        if (order.order_id, order.round) in self.asked_rounds:
            return False
        self.asked_rounds.add((order.order_id, order.round))
        try:
            return await execute(TELL_ORDER, order, one_try=_ONE_TRY, within=_PATIENCE, retries=_RETRIES)
        except ActivityError:
            return False
