"""Route the orders to the workers of this release: `python -m ops.promote_build [--percent N] [--wait SECONDS]`.

The release is the build that `WORKER_DEPLOYMENT_NAME` and `WORKER_BUILD_ID` name. When its workers poll the queues of
every context, it becomes current, or (with `--percent`) gets that share of the orders; until then nothing changes.
Running the command again changes nothing. With the build id of an earlier release whose workers still run, it rolls
back to that release.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.taskqueue.v1 import TaskQueue, TaskQueueVersioningInfo
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeWorkerDeploymentVersionRequest,
    DescribeWorkerDeploymentVersionResponse,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentRampingVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.common import contexts
from runtime.settings import Settings
from runtime.temporal_client import connect, run_and_end

Queue = DescribeWorkerDeploymentVersionResponse.VersionTaskQueue

_DEADLINE = timedelta(seconds=5)
_BETWEEN_TRIES = 0.2
_NOT_YET = (
    RPCStatusCode.NOT_FOUND,  # none of its workers has polled yet
    RPCStatusCode.FAILED_PRECONDITION,  # no worker polls now, or not all queues of the previous release are polled
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,  # the deadline here, before the server's
    RPCStatusCode.RESOURCE_EXHAUSTED,  # the server is still busy with an earlier attempt
)


class Release:
    """Build of the workers of all contexts."""

    def __init__(self, client: Client, settings: Settings, served: Sequence[str] = contexts.ALL) -> None:
        """
        Args:
            client: A client of the namespace.
            settings: The build's settings.
            served: The contexts of the build. Another release may have others.
        """
        self._client = client
        self._served = served
        self._settings = settings
        self.waits_for = "the server has not answered yet"
        """What was missing when the server last answered, and why, as a text for people."""

    async def take_over(self, percent: float | None = None) -> None:
        """Become current, or take a share of the orders, once the workers of every context poll.

        Raises:
            RPCError: the server refuses.
        """
        await asyncio.gather(*(self._until(self._polls, context) for context in self._served))
        # A new order workflow may use commands that only new supporting contexts know. These still serve old workflows.
        supporting = [context for context in self._served if context != contexts.ORDERS]
        await asyncio.gather(*(self._route(context, percent) for context in supporting))
        await self._route(contexts.ORDERS, percent)

    async def _route(self, context: str, percent: float | None) -> None:
        await self._until(lambda context: self._set_route(context, percent), context)
        await self._until(lambda context: self._is_known(context, percent), context)
        share = "current" if percent is None else f"given {percent:g} % of the orders"
        sys.stdout.write(f"{context}: {self._settings.worker_build_id} is {share}\n")

    async def _polls(self, context: str) -> bool:
        return context in {queue.name for queue in await self._queues(context)}

    async def _queues(self, context: str) -> Sequence[Queue]:
        """Return the queues that workers of the release have polled."""
        version = WorkerDeploymentVersion(
            deployment_name=self._settings.deployment_name(context), build_id=self._settings.worker_build_id or ""
        )
        request = DescribeWorkerDeploymentVersionRequest(namespace=self._client.namespace, deployment_version=version)
        answer = await self._client.workflow_service.describe_worker_deployment_version(request, timeout=_DEADLINE)
        return answer.version_task_queues

    async def _set_route(self, context: str, percent: float | None) -> bool:
        service, namespace = self._client.workflow_service, self._client.namespace
        name, build_id = self._settings.deployment_name(context), self._settings.worker_build_id or ""
        if percent is None:
            current = SetWorkerDeploymentCurrentVersionRequest(
                namespace=namespace, deployment_name=name, build_id=build_id
            )
            await service.set_worker_deployment_current_version(current, timeout=_DEADLINE)
        else:
            ramping = SetWorkerDeploymentRampingVersionRequest(
                namespace=namespace, deployment_name=name, build_id=build_id, percentage=percent
            )
            await service.set_worker_deployment_ramping_version(ramping, timeout=_DEADLINE)
        return True

    async def _is_known(self, context: str, percent: float | None) -> bool:
        """Whether every queue knows the route. Before that, workers of the previous release may still get tasks.

        The deployment's own status is not reliable: sometimes it never reports this (temporal, issue 11842).
        """
        routes = await asyncio.gather(*(self._route_of(queue) for queue in await self._queues(context)))
        build_id = self._settings.worker_build_id
        if percent is None:
            return all(route.current_deployment_version.build_id == build_id for route in routes)
        return all(
            route.ramping_deployment_version.build_id == build_id and route.ramping_version_percentage == percent
            for route in routes
        )

    async def _route_of(self, queue: Queue) -> TaskQueueVersioningInfo:
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace, task_queue=TaskQueue(name=queue.name), task_queue_type=queue.type
        )
        answer = await self._client.workflow_service.describe_task_queue(request, timeout=_DEADLINE)
        return answer.versioning_info

    async def _until(self, done: Callable[[str], Awaitable[bool]], context: str) -> None:
        while True:
            try:
                if await done(context):
                    return
                self.waits_for = f"{context}: not every queue is polled by, or routed to, the release"
            except RPCError as error:
                if error.status not in _NOT_YET:
                    raise
                self.waits_for = f"{context}: {error.message}"
            await asyncio.sleep(_BETWEEN_TRIES)


async def _release(settings: Settings, percent: float | None, wait: float) -> int:
    """Promote the release. Returns the exit status: `EX_TEMPFAIL` if it did not succeed in time."""
    try:
        release = Release(await connect(settings), settings)
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        return os.EX_TEMPFAIL
    try:
        async with asyncio.timeout(wait):
            await release.take_over(percent)
    except TimeoutError:
        sys.stderr.write(f"not done within {wait:g} s; {release.waits_for}\n")
        return os.EX_TEMPFAIL
    return os.EX_OK


def main() -> None:
    """Promote the release. The exit status is 0 if it is done, and 75 if a later attempt may succeed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--percent", type=float, metavar="N", help="route only this percentage of the orders to it, 0 to 100"
    )
    parser.add_argument(
        "--wait", type=float, default=60, metavar="SECONDS", help="how long to wait for its workers (default: 60)"
    )
    arguments = parser.parse_args()
    settings = Settings()
    if settings.worker_build_id is None:
        parser.error("WORKER_DEPLOYMENT_NAME and WORKER_BUILD_ID say which release")
    sys.exit(asyncio.run(_release(settings, arguments.percent, arguments.wait)))


if __name__ == "__main__":
    run_and_end(main)
