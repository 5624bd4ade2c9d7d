"""A process checks at most once a second whether orders are due, and never misses one that has become due."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast
from unittest.mock import AsyncMock

import pytest
from temporalio.testing import ActivityEnvironment

from activities import management_center
from activities.management_center import DispatchWatch, ManagementCenterActivities
from domain.common.errors import StoreUnavailable
from domain.management_center.assignments import AssignEngineer, AssignmentOutcome, CloseAssignment, ReleaseAssignment
from harness.waiting import soon
from stores.management_center.assignments import ManagementCenterStore

EVER, AT_ONCE = 10.0**6, 0.001
RUNS = 20


@pytest.fixture(autouse=True)
def only_when_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(management_center, "_BETWEEN_LOOKS", EVER)
    monkeypatch.setattr(management_center, "_AFTER_A_FAILURE", EVER)


@asynccontextmanager
async def watching(has_due: AsyncMock, call: AsyncMock) -> AsyncIterator[DispatchWatch]:
    """Run a watch, after its first check."""
    watch, stop = DispatchWatch(has_due, call), asyncio.Event()
    running = asyncio.create_task(watch.run(stop))
    try:
        await reached(has_due, 1)
        yield watch
    finally:
        stop.set()
        await running


async def reached(mock: AsyncMock, times: int) -> None:
    async def so() -> bool:
        return mock.await_count >= times

    await soon(so)


async def test_orders_that_are_assigned_and_released_do_not_check_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(management_center, "_AT_MOST_EVERY", EVER)
    has_due, call, store = AsyncMock(return_value=True), AsyncMock(), AsyncMock()
    store.assign_engineer.return_value = AssignmentOutcome()

    async with watching(has_due, call) as watch:
        activities, worker = (
            ManagementCenterActivities(cast(ManagementCenterStore, store), watch),
            ActivityEnvironment(),
        )
        for number in range(RUNS):
            await worker.run(activities.assign_engineer, AssignEngineer(f"o{number}"))
            await worker.run(activities.release_assignment, ReleaseAssignment(f"o{number}"))
            await worker.run(activities.close_assignment, CloseAssignment(f"o{number}"))

    assert store.assign_engineer.await_count == store.close_assignment.await_count == RUNS
    assert (has_due.await_count, call.await_count) == (1, 1)
    assert store.has_due.await_count == 0


@pytest.mark.parametrize("command", ["assign_engineer", "release_assignment", "close_assignment"])
async def test_after_each_command_somebody_checks(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr(management_center, "_AT_MOST_EVERY", AT_ONCE)
    has_due, call, store = AsyncMock(side_effect=[False, True]), AsyncMock(), AsyncMock()
    store.assign_engineer.return_value = AssignmentOutcome()
    requests = {
        "assign_engineer": AssignEngineer("o1"),
        "release_assignment": ReleaseAssignment("o1"),
        "close_assignment": CloseAssignment("o1"),
    }

    async with watching(has_due, call) as watch:
        activities = ManagementCenterActivities(cast(ManagementCenterStore, store), watch)
        await ActivityEnvironment().run(getattr(activities, command), requests[command])
        await reached(call, 1)

    assert has_due.await_count == 2


async def test_what_becomes_due_during_a_check_is_found_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(management_center, "_AT_MOST_EVERY", AT_ONCE)
    began, goes_on = asyncio.Event(), asyncio.Event()

    async def check() -> bool:
        if has_due.await_count == 1:
            return False
        began.set()
        await goes_on.wait()
        return has_due.await_count > 2

    has_due, call = AsyncMock(side_effect=check), AsyncMock()
    async with watching(has_due, call) as watch:
        watch.changed()
        await began.wait()
        watch.changed()
        goes_on.set()
        await reached(call, 1)


async def test_a_check_that_fails_is_repeated_although_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(management_center, "_AFTER_A_FAILURE", AT_ONCE)
    monkeypatch.setattr(management_center, "_AT_MOST_EVERY", AT_ONCE)
    has_due = AsyncMock(side_effect=[StoreUnavailable("down"), True, True])
    call = AsyncMock(side_effect=[RuntimeError("down"), None])

    async with watching(has_due, call):
        await reached(call, 2)

    assert has_due.await_count == 3


async def test_orders_also_become_due_as_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(management_center, "_AT_MOST_EVERY", AT_ONCE)
    monkeypatch.setattr(management_center, "_BETWEEN_LOOKS", AT_ONCE)
    call = AsyncMock()

    async with watching(AsyncMock(return_value=True), call):
        await reached(call, 3)
