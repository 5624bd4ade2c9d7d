"""Which workflow every kind of payload is bound to: its own, or the one that it is sent to."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.message import Message
from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleSpec,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import Worker

from domain.order_status.reconciliation import WORKFLOW_ID
from harness.waiting import PATIENCE
from runtime.payload_binding import PayloadBinding
from runtime.payload_codec import BOUND_TO, ENCODING, for_worker
from tests.encryption import bound_client, guard
from tests.workflows.waiting import eventually
from workflows.common.message_guard import is_believed
from workflows.common.runner import sandbox

QUEUE = "bound-payloads"
SOON = timedelta(seconds=PATIENCE)


@dataclass
class Said:
    """What a message says."""

    text: str = ""


@activity.defn
async def told_on_its_second_try(said: Said) -> Said:
    info = activity.info()
    if info.attempt == 1:
        activity.heartbeat(Said("half of it"))
        raise ApplicationError("once more", Said("as a detail"))
    assert info.heartbeat_details == [{"text": "half of it"}]
    return said


@activity.defn
async def refused_for_good(_: str) -> None:
    raise ApplicationError("never", Said("as a detail"), non_retryable=True)


@workflow.defn
class Listener:
    """Ends when it is told to."""

    def __init__(self) -> None:
        self.said: Said | None = None

    @workflow.run
    async def run(self, _: Said) -> Said:
        await workflow.wait_condition(lambda: self.said is not None)
        return self.said or Said()

    @workflow.signal
    def tell(self, said: Said) -> None:
        self.said = said


@workflow.defn
class Everything:
    """Uses every kind of payload, twice: as it is started, and continued as new."""

    @workflow.init
    def __init__(self, _: Said, again: float) -> None:
        self.again = again
        self.signals = 0

    @workflow.run
    async def run(self, said: Said, again: float) -> Said:
        await workflow.wait_condition(lambda: self.signals > 0)
        once = RetryPolicy(initial_interval=timedelta(milliseconds=10))
        for execute in (workflow.execute_activity, workflow.execute_local_activity):
            if execute is workflow.execute_activity:
                said = await execute(told_on_its_second_try, said, start_to_close_timeout=SOON, retry_policy=once)
            with suppress(FailureError):
                await execute(refused_for_good, "text", start_to_close_timeout=SOON)
        child = await workflow.start_child_workflow(
            Listener.run, said, id=f"{workflow.info().workflow_id}-child", memo={"of": "the child"}
        )
        await workflow.get_external_workflow_handle(child.id).signal("tell", Said("to the child"))
        said = await child
        workflow.upsert_memo({"changed": said.text})
        assert workflow.memo_value("first") == "a memo"
        await workflow.wait_condition(workflow.all_handlers_finished)
        if again:
            workflow.continue_as_new(args=[said, again - 1], memo={"first": "a memo"})
        return said

    @workflow.signal
    def hear(self, said: Said) -> None:
        assert said.text
        self.signals += 1

    @workflow.update
    def change(self, said: Said) -> Said:
        if said.text == "no":
            raise ApplicationError("refused", said)
        return said

    @change.validator
    def check(self, said: Said) -> None:
        assert said.text

    @workflow.query
    def ask(self, said: Said) -> Said:
        return said


@workflow.defn
class Pass:
    """Returns one more than the run before, if that is believed."""

    @workflow.run
    async def run(self, _: Said) -> Said:
        before = workflow.get_last_completion_result(Said)
        return Said("x" if before is None else f"{before.text}x" if is_believed(before) else "refused")


def worker(client: Client) -> Worker:
    ours = sandbox()
    return Worker(
        for_worker(client),
        task_queue=QUEUE,
        workflows=[Everything, Listener, Pass],
        activities=[told_on_its_second_try, refused_for_good],
        workflow_runner=replace(ours, restrictions=ours.restrictions.with_passthrough_modules("tests")),
        interceptors=[guard(client)],
    )


def encrypted(value: object) -> Iterator[Payload]:
    """Return every encrypted payload in a message, or in the values of one of its fields."""
    if isinstance(value, Payload):
        if value.metadata["encoding"] == ENCODING:
            yield value
    elif isinstance(value, Message):
        for _, each in value.ListFields():
            yield from encrypted(each)
    elif isinstance(value, Mapping):
        yield from encrypted(list(value.values()))
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for each in value:
            yield from encrypted(each)


async def bound_to(handle: WorkflowHandle[Any, Any]) -> dict[str, set[str]]:
    """Return the ids that the payloads of each type of event are bound to."""
    found: dict[str, set[str]] = defaultdict(set)
    async for event in handle.fetch_history_events():
        for payload in encrypted(event):
            name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
            found[name].add(payload.metadata[BOUND_TO].decode())
    return dict(found)


@pytest.mark.parametrize("binding", [PayloadBinding.WRITE, PayloadBinding.REQUIRE])
async def test_every_payload_is_bound_to_the_workflow_that_reads_it(
    temporal_address: str, binding: PayloadBinding
) -> None:
    client = await bound_client(temporal_address, binding)
    own = f"everything-{uuid4().hex}"
    child = f"{own}-child"
    async with worker(client), asyncio.timeout(PATIENCE):
        first = await client.start_workflow(
            Everything.run, args=[Said("input"), 1.0], id=own, task_queue=QUEUE, memo={"first": "a memo"}
        )
        runs = []
        for _ in range(2):
            handle: WorkflowHandle[Any, Any] = client.get_workflow_handle(own)
            assert await handle.execute_update(Everything.change, Said("yes")) == Said("yes")
            with pytest.raises(WorkflowUpdateFailedError):
                await handle.execute_update(Everything.change, Said("no"))
            assert await handle.query(Everything.ask, Said("asked")) == Said("asked")
            run_id = (await handle.describe()).run_id
            runs.append(client.get_workflow_handle(own, run_id=run_id))
            await handle.signal(Everything.hear, Said("heard"))

            async def over(run_id: str = run_id) -> bool:
                return (await client.get_workflow_handle(own, run_id=run_id).describe()).status != 1

            await eventually(over)
        assert await first.result() == Said("to the child")
        memo = await (await first.describe()).memo()

    assert memo == {"first": "a memo", "changed": "to the child"}
    continued, ended = [await bound_to(run) for run in runs]
    assert continued.pop("WORKFLOW_EXECUTION_CONTINUED_AS_NEW") == {own}
    assert ended.pop("WORKFLOW_EXECUTION_COMPLETED") == {own}
    assert (
        continued
        == ended
        == {
            "WORKFLOW_EXECUTION_STARTED": {own},
            "WORKFLOW_EXECUTION_SIGNALED": {own},
            "WORKFLOW_EXECUTION_UPDATE_ACCEPTED": {own},
            "WORKFLOW_EXECUTION_UPDATE_COMPLETED": {own},
            "ACTIVITY_TASK_SCHEDULED": {own},
            "ACTIVITY_TASK_STARTED": {own},
            "ACTIVITY_TASK_COMPLETED": {own},
            "ACTIVITY_TASK_FAILED": {own},
            "MARKER_RECORDED": {own},
            "WORKFLOW_PROPERTIES_MODIFIED": {own},
            "START_CHILD_WORKFLOW_EXECUTION_INITIATED": {child},
            "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED": {child},
            "CHILD_WORKFLOW_EXECUTION_COMPLETED": {child},
        }
    )


async def test_what_a_schedule_starts_and_leaves_behind_is_bound_to_the_schedule(temporal_address: str) -> None:
    client = await bound_client(temporal_address, PayloadBinding.REQUIRE)
    async with worker(client), asyncio.timeout(PATIENCE):
        schedule = await client.create_schedule(
            uuid4().hex,
            Schedule(
                action=ScheduleActionStartWorkflow(Pass.run, Said("input"), id=WORKFLOW_ID, task_queue=QUEUE),
                spec=ScheduleSpec(),
            ),
        )
        ids: list[str] = []
        try:
            for passes in (1, 2):
                await schedule.trigger()

                async def started(passes: int = passes) -> bool:
                    actions = (await schedule.describe()).info.recent_actions
                    ids[:] = [each.action.workflow_id for each in actions if hasattr(each.action, "workflow_id")]
                    return len(ids) == passes

                await eventually(started)
                assert await client.get_workflow_handle(ids[-1], result_type=Said).result() == Said("x" * passes)
        finally:
            await schedule.delete()

    bound = [await bound_to(client.get_workflow_handle(id_)) for id_ in set(ids)]
    assert all(ids == {WORKFLOW_ID} for events in bound for ids in events.values())
