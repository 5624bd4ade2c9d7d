"""What the worker in `drills/unpatched.py` runs; apart, for it is loaded in the workflows' sandbox."""

from temporalio import workflow

from domain.orders import WORKFLOW_TYPE, Order, Subscription
from workflows.orders.subscription import SubscriptionWorkflow


@workflow.defn(name=WORKFLOW_TYPE)
class UnpatchedWorkflow(SubscriptionWorkflow):
    """An order that begins with another command than those that run already."""

    @workflow.init
    def __init__(self, subscription: Subscription) -> None:
        super().__init__(subscription)

    @workflow.run
    async def run(self, subscription: Subscription) -> Order:
        """Wait a moment, then go on as before."""
        await workflow.sleep(0.01)
        return await super().run(subscription)
