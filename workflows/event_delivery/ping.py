"""EventPingWorkflow (연결 확인): pings the consumer of a subscription, once."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from domain.event_delivery.ping import PING, WORKFLOW_TYPE, Ping, Pinged
from workflows.common.activity_calls import execute

_ONE_TRY = timedelta(seconds=45)
"""Longer than a handshake and a ping, each of which has 15 seconds."""
_ONCE = RetryPolicy(maximum_attempts=1)


@workflow.defn(name=WORKFLOW_TYPE)
class EventPingWorkflow:
    """Ends with the consumer's answer."""

    @workflow.run
    async def run(self, request: Ping = Ping()) -> Pinged:
        """Ping the consumer."""
        return await execute(PING, request, one_try=_ONE_TRY, retries=_ONCE)
