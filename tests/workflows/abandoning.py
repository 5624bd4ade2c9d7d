"""Workflows that do not ask the server to cancel an activity, for the server that skips time.

That server loses a workflow task which asks to cancel an activity that has just completed: it refuses the task's result
(`ACTIVITY_UNKNOWN`), does not give the task out again, and does not let it time out. The workflow, and every update
that this task would have answered, waits until another message arrives (temporalio/sdk-java#2391). An order asks so
whenever it ends while an earlier state of it is being stored. The real server grants such a request.

And if the activity waits for a worker, that server cancels it, but never unlocks the time that it locked for it: no
later `sleep` skips time any more.

In either case a workflow learns at once that the activity is canceled, and does not wait for it. But an activity that
was not asked to stop is retried until it succeeds.
"""

from typing import Any

from temporalio import client, worker
from temporalio.client import Client
from temporalio.worker import StartActivityInput, WorkflowInboundInterceptor, WorkflowOutboundInterceptor
from temporalio.workflow import ActivityCancellationType, ActivityHandle


def abandoning(connected: Client) -> Client:
    """Return a client with the same connection, whose workers abandon the activities that a workflow cancels."""
    config = connected.config()
    config["interceptors"] = [*config["interceptors"], _Abandoning()]
    return Client(**config)


class _Abandoning(client.Interceptor, worker.Interceptor):
    """The SDK hands an interceptor of a client that is a worker's, too, to each worker with that client."""

    def workflow_interceptor_class(
        self,
        input: worker.WorkflowInterceptorClassInput,
    ) -> type[WorkflowInboundInterceptor]:
        return _Inbound


class _Inbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Outbound(outbound))


class _Outbound(WorkflowOutboundInterceptor):
    def start_activity(self, input: StartActivityInput) -> ActivityHandle[Any]:
        input.cancellation_type = ActivityCancellationType.ABANDON
        return super().start_activity(input)
