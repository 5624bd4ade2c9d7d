"""EventDeliveryWorkflow (이벤트 배달): has the events of one subscription sent, until it is paused or deleted.

The database says what was delivered. So nothing is left out, and if this workflow is terminated, a new one goes on.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from domain.event_delivery.delivery import DELIVER, LOOK, WORKFLOW_TYPE, Delivery
from workflows.common.activity_calls import execute

_ONE_TRY = timedelta(seconds=90)
"""Longer than an activity takes: it begins no request after 50 seconds, and a request has 15."""
_SILENCE = timedelta(seconds=15)
"""Heartbeat timeout. It detects a worker that was killed."""
_RETRIES = RetryPolicy(maximum_interval=timedelta(seconds=10))


@workflow.defn(name=WORKFLOW_TYPE)
class EventDeliveryWorkflow:
    """Runs one activity after the other, and waits in between while the consumer fails."""

    def __init__(self) -> None:
        self._changed = False

    @workflow.run
    async def run(self, delivery: Delivery = Delivery()) -> None:
        """Deliver until there is nothing to do, or the history is long; then go on in a new run."""
        while not workflow.info().is_continue_as_new_suggested():
            self._changed = False
            delivered = await execute(DELIVER, delivery, one_try=_ONE_TRY, silence=_SILENCE, retries=_RETRIES)
            if delivered.ended and not self._changed:
                return
            if delivered.again_after > 0:
                await self._pause(delivered.again_after)
        workflow.continue_as_new(delivery)

    @workflow.signal(name=LOOK)
    def look(self, _: str = "") -> None:
        """Note that the subscription has changed."""
        self._changed = True

    async def _pause(self, seconds: float) -> None:
        try:
            await workflow.wait_condition(lambda: self._changed, timeout=timedelta(seconds=seconds))
        except TimeoutError:
            return
