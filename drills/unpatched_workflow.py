"""Workflow of the worker in `drills/unpatched.py`, in a separate module, because the sandbox loads it."""

from temporalio import workflow

from domain.orders import WORKFLOW_TYPE, Order, Subscription
from workflows.orders.subscription import SubscriptionWorkflow


@workflow.defn(name=WORKFLOW_TYPE)
class UnpatchedWorkflow(SubscriptionWorkflow):
    """Order workflow that begins with another command than running orders."""

    @workflow.init
    def __init__(self, subscription: Subscription | None = None) -> None:
        super().__init__(subscription)

    @workflow.run
    async def run(self, subscription: Subscription | None = None) -> Order:
        """Sleep first, then continue as before."""
        await workflow.sleep(0.01)
        return await super().run(subscription)
