"""DispatchWorkflow (배차): tells one order after another to have its engineer decided anew.

What is due stands in the management center's store, so nothing is lost where this ends early: whoever makes something
due calls it, and the context's workers look now and then.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from domain.management_center.dispatch import FIND_DUE, LOOK, TELL_ORDER, WORKFLOW_TYPE, Due, FindDue
from workflows.common.activity_calls import ask

_ONE_TRY = timedelta(seconds=5)
_PATIENCE = timedelta(seconds=30)
"""For one order; it is put off where that is not enough."""
_RETRIES = RetryPolicy(maximum_interval=timedelta(seconds=10))


@workflow.defn(name=WORKFLOW_TYPE)
class DispatchWorkflow:
    """Runs while something is due, and ends."""

    def __init__(self) -> None:
        self.called = False
        self.told: set[tuple[str, int]] = set()
        self.put_off: list[str] = []

    @workflow.run
    async def run(self) -> None:
        """Tell orders until none is due, but those that do not answer."""
        while not workflow.info().is_continue_as_new_suggested():
            self.called = False
            due = await ask(FIND_DUE, FindDue(self.put_off), one_try=_ONE_TRY, retries=_RETRIES)
            for order in due:
                if not await self._tell(order):
                    self.put_off.append(order.order_id)
            if not due and not self.called:
                return
        workflow.continue_as_new()

    @workflow.signal(name=LOOK)
    def look(self, _: str = "") -> None:
        """There may be something more to do."""
        self.called = True

    async def _tell(self, order: Due) -> bool:
        """Whether the order has answered, as it has not been told before that nothing has come of it."""
        if (order.order_id, order.round) in self.told:
            return False
        self.told.add((order.order_id, order.round))
        try:
            return await ask(TELL_ORDER, order, one_try=_ONE_TRY, within=_PATIENCE, retries=_RETRIES)
        except ActivityError:
            return False
