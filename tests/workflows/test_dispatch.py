"""The dispatcher notifies the orders that are due, one after another, and no order blocks the others."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.common import contexts
from domain.management_center.dispatch import FIND_DUE, LOOK, TELL_ORDER, Due, FindDue
from tests.workflows.faults import Faults
from tests.workflows.waiting import eventually, within
from workflows.common.runner import sandbox
from workflows.management_center.dispatch import DispatchWorkflow

EVER = 10**9


@dataclass
class Center:
    """A management center with orders that are due, and that answer as a test has set."""

    due: list[Due] = field(default_factory=list)
    told: list[tuple[str, int]] = field(default_factory=list)
    """The notified orders, in the order of their answers."""
    looked: list[list[str]] = field(default_factory=list)
    """The orders that were put off at each query."""
    silent: set[str] = field(default_factory=set)
    """Orders that cannot answer."""
    stubborn: set[str] = field(default_factory=set)
    """Orders that answer and stay due."""
    faults: Faults = field(default_factory=Faults)
    telling: int = 0

    @activity.defn(name=FIND_DUE.name)
    async def find_due(self, asked: FindDue) -> list[Due]:
        await self.faults.before(FIND_DUE.name, "")
        self.looked.append(asked.put_off)
        found = [due for due in self.due if due.order_id not in asked.put_off]
        await self.faults.after(FIND_DUE.name, "")
        return found[:10]

    @activity.defn(name=TELL_ORDER.name)
    async def tell_order(self, due: Due) -> bool:
        self.telling += 1
        try:
            assert self.telling == 1
            await self.faults.before(TELL_ORDER.name, due.order_id)
            if due.order_id in self.silent:
                return False
            self.told.append((due.order_id, due.round))
            if due.order_id not in self.stubborn:
                self.due.remove(due)
            return True
        finally:
            self.telling -= 1


@asynccontextmanager
async def dispatching(client: Client, center: Center) -> AsyncIterator[Callable[[], Any]]:
    """Run a worker of that management center. Yields a function that calls the dispatcher."""
    worker = Worker(
        client,
        task_queue=contexts.MANAGEMENT_CENTER,
        workflows=[DispatchWorkflow],
        activities=[center.find_due, center.tell_order],
        workflow_runner=sandbox(strict=True),
    )
    dispatch_id = uuid4().hex

    async def call() -> "WorkflowHandle[DispatchWorkflow, None]":
        return await client.start_workflow(
            DispatchWorkflow.run,
            id=dispatch_id,
            task_queue=contexts.MANAGEMENT_CENTER,
            start_signal=LOOK,
        )

    async with worker:
        yield call


def orders(*ids: str) -> list[Due]:
    return [Due(order_id, 1) for order_id in ids]


async def test_those_who_are_due_are_told_one_after_another_in_their_order_until_nobody_is(client: Client) -> None:
    center = Center(due=orders("c", "a", "b"))
    async with dispatching(client, center) as call:
        await within((await call()).result())

    assert center.told == [("c", 1), ("a", 1), ("b", 1)]
    assert center.looked == [[], []]


async def test_who_does_not_answer_or_stays_due_is_put_off_and_the_others_are_told(client: Client) -> None:
    """An order that is due again in a later round is notified of that round."""
    center = Center(due=orders("silent", "stubborn", "a"), silent={"silent"}, stubborn={"stubborn"})
    gate = center.faults.hold(TELL_ORDER.name, order_id="a", tries=1)
    async with dispatching(client, center) as call:
        handle = await call()
        await gate.until_reached()
        center.due.append(Due("a", 2))
        gate.open()
        await within(handle.result())

    assert center.told == [("stubborn", 1), ("a", 1), ("a", 2)]
    assert center.looked == [[], ["silent"], ["silent", "stubborn"]]


async def test_a_call_while_the_last_look_is_under_way_is_not_lost(client: Client) -> None:
    center = Center()
    gate = center.faults.hold(FIND_DUE.name, done=True, tries=1)
    async with dispatching(client, center) as call:
        handle = await call()
        await gate.until_reached()
        center.due += orders("late")
        await call()
        gate.open()
        await within(handle.result())

    assert center.told == [("late", 1)]


async def test_calls_at_any_moment_are_heard(client: Client) -> None:
    """A dispatcher that is just ending hears the call, too."""
    center = Center()
    async with dispatching(client, center) as call:
        for number in range(20):
            center.due += orders(str(number))
            await call()
            await asyncio.sleep(0.005 * (number % 5))

        async def all_told() -> bool:
            return not center.due

        await eventually(all_told)
        await within((await call()).result())

    assert [order_id for order_id, _ in center.told] == [str(number) for number in range(20)]


async def test_an_order_that_cannot_be_told_is_given_up_after_a_while_and_a_center_that_is_away_is_not(
    clock: WorkflowEnvironment,
) -> None:
    center = Center(due=orders("broken", "a"))
    center.faults.fail(FIND_DUE.name, times=50)
    center.faults.fail(TELL_ORDER.name, order_id="broken", times=EVER)
    async with dispatching(clock.client, center) as call:
        handle = await call()
        await within(handle.result())
        ran = await handle.describe()

    assert center.told == [("a", 1)]
    assert center.looked[-1] == ["broken"]
    assert ran.close_time is not None
    assert timedelta(minutes=7) < ran.close_time - ran.start_time < timedelta(minutes=10)


async def test_a_long_one_goes_on_in_a_new_run_and_tries_again_whom_it_has_put_off(client: Client) -> None:
    ids = [f"{number:02}" for number in range(30)]
    center = Center(due=orders(*ids), silent={"00"})
    async with dispatching(client, center) as call:
        handle = await call()
        await within(handle.result())
        first = await client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id).describe()

    assert first.status is WorkflowExecutionStatus.CONTINUED_AS_NEW
    assert [order_id for order_id, _ in center.told] == ids[1:]
    assert center.looked.count([]) > 1
    assert center.looked[-1] == ["00"]
