"""A process checks at most once a second whether orders are due, and never misses one that has become due."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import cast
from unittest.mock import AsyncMock

import pytest
from temporalio.testing import ActivityEnvironment

from activities.management_center import ManagementCenterActivities
from domain.common.errors import StoreUnavailable
from domain.management_center.assignments import AssignEngineer, AssignmentOutcome, CloseAssignment, ReleaseAssignment
from domain.management_center.dispatch import NO_REGION
from harness.waiting import soon
from runtime import dispatch_watch
from runtime.dispatch_watch import DispatchWatch
from runtime.temporal_client import call_dispatchers
from stores.management_center.assignments import ManagementCenterStore

EVER, AT_ONCE = 10.0**6, 0.001
RUNS = 20
SEOUL, BUSAN = "KR-11", "KR-26"


@pytest.fixture(autouse=True)
def only_when_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch_watch, "_BETWEEN_LOOKS", EVER)
    monkeypatch.setattr(dispatch_watch, "_AFTER_A_FAILURE", EVER)


@asynccontextmanager
async def watching(due_regions: AsyncMock, call: AsyncMock) -> AsyncIterator[DispatchWatch]:
    """Run a watch, after its first check."""
    watch = DispatchWatch(due_regions, call)
    running = asyncio.create_task(watch.run())
    try:
        await reached(due_regions, 1)
        yield watch
    finally:
        watch.stop()
        await running


async def reached(mock: AsyncMock, times: int) -> None:
    async def so() -> bool:
        return mock.await_count >= times

    await soon(so)


async def test_orders_that_are_assigned_and_released_do_not_check_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch_watch, "_AT_MOST_EVERY", EVER)
    due_regions, call, store = AsyncMock(return_value=[SEOUL]), AsyncMock(), AsyncMock()
    store.assign_engineer.return_value = AssignmentOutcome()

    async with watching(due_regions, call) as watch:
        activities, worker = (
            ManagementCenterActivities(cast(ManagementCenterStore, store), watch),
            ActivityEnvironment(),
        )
        for number in range(RUNS):
            await worker.run(activities.assign_engineer, AssignEngineer(f"o{number}"))
            await worker.run(activities.release_assignment, ReleaseAssignment(f"o{number}"))
            await worker.run(activities.close_assignment, CloseAssignment(f"o{number}"))

    assert store.assign_engineer.await_count == store.close_assignment.await_count == RUNS
    assert (due_regions.await_count, call.await_count) == (1, 1)
    assert store.due_regions.await_count == 0


@pytest.mark.parametrize("command", ["assign_engineer", "release_assignment", "close_assignment"])
async def test_after_each_command_somebody_checks(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr(dispatch_watch, "_AT_MOST_EVERY", AT_ONCE)
    due_regions, call, store = AsyncMock(side_effect=[[], [SEOUL]]), AsyncMock(), AsyncMock()
    store.assign_engineer.return_value = AssignmentOutcome()
    requests = {
        "assign_engineer": AssignEngineer("o1"),
        "release_assignment": ReleaseAssignment("o1"),
        "close_assignment": CloseAssignment("o1"),
    }

    async with watching(due_regions, call) as watch:
        activities = ManagementCenterActivities(cast(ManagementCenterStore, store), watch)
        await ActivityEnvironment().run(getattr(activities, command), requests[command])
        await reached(call, 1)

    assert due_regions.await_count == 2


async def test_what_becomes_due_during_a_check_is_found_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch_watch, "_AT_MOST_EVERY", AT_ONCE)
    began, goes_on = asyncio.Event(), asyncio.Event()

    async def check() -> list[str]:
        if due_regions.await_count == 1:
            return []
        began.set()
        await goes_on.wait()
        return [SEOUL] if due_regions.await_count > 2 else []

    due_regions, call = AsyncMock(side_effect=check), AsyncMock()
    async with watching(due_regions, call) as watch:
        watch.changed()
        await began.wait()
        watch.changed()
        goes_on.set()
        await reached(call, 1)


async def test_a_check_that_fails_is_repeated_although_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch_watch, "_AFTER_A_FAILURE", AT_ONCE)
    monkeypatch.setattr(dispatch_watch, "_AT_MOST_EVERY", AT_ONCE)
    due_regions = AsyncMock(side_effect=[StoreUnavailable("down"), [SEOUL], [SEOUL]])
    call = AsyncMock(side_effect=[RuntimeError("down"), None])

    async with watching(due_regions, call):
        await reached(call, 2)

    assert due_regions.await_count == 3


async def test_a_check_that_breaks_leaves_no_task_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch_watch, "_AT_MOST_EVERY", AT_ONCE)
    monkeypatch.setattr(dispatch_watch, "_BETWEEN_LOOKS", AT_ONCE)
    before = asyncio.all_tasks()

    with pytest.raises(KeyError):
        await DispatchWatch(AsyncMock(side_effect=[[], KeyError("a mistake")]), AsyncMock()).run()

    assert asyncio.all_tasks() == before


async def test_after_each_change_somebody_checks_whatever_did_not_answer_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatch_watch, "_AT_MOST_EVERY", AT_ONCE)
    due_regions = AsyncMock(side_effect=[StoreUnavailable("down"), [], [SEOUL], [SEOUL]])
    call = AsyncMock(side_effect=[RuntimeError("down"), None])

    async with watching(due_regions, call) as watch:
        for looks in (2, 3, 4):
            watch.changed()
            await reached(due_regions, looks)
        await reached(call, 2)


async def test_orders_also_become_due_as_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch_watch, "_AT_MOST_EVERY", AT_ONCE)
    monkeypatch.setattr(dispatch_watch, "_BETWEEN_LOOKS", AT_ONCE)
    call = AsyncMock()

    async with watching(AsyncMock(return_value=[SEOUL]), call):
        await reached(call, 3)


async def test_the_dispatcher_of_each_region_with_orders_that_are_due_is_called_whichever_cannot_be() -> None:
    client = AsyncMock()
    client.start_workflow.side_effect = [RuntimeError("down"), None, None]
    regions = [NO_REGION, SEOUL, BUSAN]
    call = AsyncMock(side_effect=partial(call_dispatchers, client))

    async with watching(AsyncMock(return_value=regions), call):
        await reached(client.start_workflow, 3)

    called = {started.kwargs["id"] for started in client.start_workflow.await_args_list}
    assert called == {"dispatch-without-region", "dispatch-KR-11", "dispatch-KR-26"}
    with pytest.raises(RuntimeError, match="down"):
        await call_dispatchers(AsyncMock(**{"start_workflow.side_effect": RuntimeError("down")}), [SEOUL])
