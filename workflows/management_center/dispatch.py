"""DispatchWorkflow (배차): asks one order after another to decide its engineer again.

The management center's store knows which orders are due, so nothing is lost if this workflow ends early. Whoever
makes an order due signals it, and the context's workers check periodically.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from domain.management_center.dispatch import FIND_DUE, LOOK, TELL_ORDER, WORKFLOW_TYPE, Due, FindDue
from workflows.common.activity_calls import execute

_ONE_TRY = timedelta(seconds=5)
_PATIENCE = timedelta(seconds=30)
"""Time for one order to answer. After it, the order is postponed."""
_RETRIES = RetryPolicy(maximum_interval=timedelta(seconds=10))


@workflow.defn(name=WORKFLOW_TYPE)
class DispatchWorkflow:
    """Runs while orders are due, and then ends."""

    def __init__(self) -> None:
        self.signaled = False
        self.asked_rounds: set[tuple[str, int]] = set()
        self.postponed: list[str] = []

    @workflow.run
    async def run(self) -> None:
        """Ask orders until none is due except those that do not answer."""
        while not workflow.info().is_continue_as_new_suggested():
            self.signaled = False
            due = await execute(FIND_DUE, FindDue(self.postponed), one_try=_ONE_TRY, retries=_RETRIES)
            for order in due:
                if not await self._reconsider(order):
                    self.postponed.append(order.order_id)
            if not due and not self.signaled:
                return
        workflow.continue_as_new()

    @workflow.signal(name=LOOK)
    def look(self, _: str = "") -> None:
        """Look again for orders that are due."""
        self.signaled = True

    async def _reconsider(self, order: Due) -> bool:
        """Ask the order to decide, once for each round. Return whether it has decided."""
        if (order.order_id, order.round) in self.asked_rounds:
            return False
        self.asked_rounds.add((order.order_id, order.round))
        try:
            return await execute(TELL_ORDER, order, one_try=_ONE_TRY, within=_PATIENCE, retries=_RETRIES)
        except ActivityError:
            return False
