"""Workflows for the server that skips time: they avoid what that server does wrong, and the real one does not.

They do not ask it to cancel an activity. It loses a workflow task which asks to cancel an activity that has just
completed: it refuses the task's result (`ACTIVITY_UNKNOWN`), does not give the task out again, and does not let it time
out. The workflow, and every update that this task would have answered, waits until another message arrives
(temporalio/sdk-java#2391). An order asks so whenever it ends while an earlier state of it is being stored. The real
server grants such a request.

And if the activity waits for a worker, that server cancels it, but never unlocks the time that it locked for it: no
later `sleep` skips time any more.

In either case a workflow learns at once that the activity is canceled, and does not wait for it. But an activity that
was not asked to stop is retried until it succeeds.

No time limit of an activity ends on a whole second. Such a limit counts for nothing, because that server takes a
time without nanoseconds for none (`TestServiceRetryState`). It tells milliseconds, so this meets one in a thousand.
"""

from datetime import timedelta
from typing import Any

from temporalio import client, worker
from temporalio.client import Client
from temporalio.worker import StartActivityInput, WorkflowInboundInterceptor, WorkflowOutboundInterceptor
from temporalio.workflow import ActivityCancellationType, ActivityHandle

HALF_A_MILLISECOND = timedelta(microseconds=500)


def for_time_skipping(connected: Client) -> Client:
    """Return a client with the same connection, whose workers abandon the activities that a workflow cancels.

    Time limits of activities are longer by half a millisecond.
    """
    config = connected.config()
    config["interceptors"] = [*config["interceptors"], _Avoiding()]
    return Client(**config)


class _Avoiding(client.Interceptor, worker.Interceptor):
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
        if input.schedule_to_close_timeout is not None:
            input.schedule_to_close_timeout += HALF_A_MILLISECOND
        return super().start_activity(input)
