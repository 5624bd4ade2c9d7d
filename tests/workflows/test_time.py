"""Timers and deadlines, with skipped time (rules 9 to 11)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.installation import (
    ACCEPT_INSTALLATION,
    CANCEL_INSTALLATION,
    COMPLETE_INSTALLATION,
    DECLINE_INSTALLATION,
    REQUEST_INSTALLATION,
)
from domain.management_center import ASSIGN_ENGINEER, CLOSE_ASSIGNMENT
from domain.orders import OrderStatus
from domain.policy import OrderPolicy
from tests.workflows import places
from tests.workflows.placed import Placed, refusal
from tests.workflows.stage import Stage
from tests.workflows.waiting import passing

POLICY = OrderPolicy(retry_at_most_every=10 * 60)
"""Tried seldom, for tests that let hours go by."""
EVER = 10**9


async def test_silence_passes_the_order_to_the_next_engineer_after_four_hours(
    timeless: Stage, clock: WorkflowEnvironment
) -> None:
    order = await timeless.place(POLICY)
    await places.requested(order)

    await clock.sleep(timedelta(hours=3, minutes=59))
    assert (await order.order()).engineer_id == "e1"
    await clock.sleep(timedelta(minutes=2))

    await timeless.contexts.until(lambda: order.row.engineer_id == "e2")
    assert [entry.event for entry in order.row.history] == [
        *("JoinOrdered", "OrderAccepted", "InstallationRequested", "InstallationUnanswered"),
        *("OrderAccepted", "InstallationRequested"),
    ]
    assert await refusal(order.accept("e1")) == "IllegalTransition"
    await order.accept("e2")


async def test_when_nobody_answers_a_manager_is_asked_for(timeless: Stage, clock: WorkflowEnvironment) -> None:
    order = await timeless.place(POLICY)
    for engineer_id in timeless.contexts.engineers:
        await timeless.contexts.until(lambda: order.row.engineer_id == engineer_id)  # noqa: B023
        await clock.sleep(timedelta(hours=4, minutes=1))

    row = await order.until_attention("NO_ENGINEER")
    assert row.status is OrderStatus.AWAITING_ENGINEER
    assert row.engineer_id is None


async def test_an_order_keeps_the_timers_that_it_was_taken_with(timeless: Stage, clock: WorkflowEnvironment) -> None:
    hurried = await timeless.place(replace(POLICY, answer_within=60))
    patient = await timeless.place(POLICY)
    await places.requested(hurried)
    await places.requested(patient)

    await clock.sleep(timedelta(minutes=2))

    await hurried.until_with(OrderStatus.INSTALLATION_REQUESTED, "e2")
    assert (await patient.order()).engineer_id == "e1"


async def test_the_time_to_answer_ends_while_a_manager_is_refused(timeless: Stage, clock: WorkflowEnvironment) -> None:
    order = await timeless.place(POLICY)
    await places.requested(order)
    timeless.contexts.faults.fail(ASSIGN_ENGINEER.name, times=EVER)
    assigning = await order.put(refusal(order.assign("nobody")))
    await timeless.contexts.until(lambda: timeless.contexts.calls[-1][0] == ASSIGN_ENGINEER.name)
    await clock.sleep(timedelta(hours=4, minutes=1))
    timeless.contexts.faults.heal()
    await clock.sleep(timedelta(seconds=POLICY.retry_at_most_every + 5))

    assert await assigning == "EngineerUnavailable"
    row = await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e2")
    assert "InstallationUnanswered" in [entry.event for entry in row.history]


OUTAGES = {
    "assign": (ASSIGN_ENGINEER.name, places.at_once, places.nothing, "MANAGEMENT_CENTER_UNAVAILABLE"),
    "request": (REQUEST_INSTALLATION.name, places.at_once, places.nothing, "INSTALLATION_UNAVAILABLE"),
    "accept": (ACCEPT_INSTALLATION.name, places.requested, places.accept, "INSTALLATION_UNAVAILABLE"),
    "decline": (DECLINE_INSTALLATION.name, places.requested, places.decline, "INSTALLATION_UNAVAILABLE"),
    "reassign": (ASSIGN_ENGINEER.name, places.accepted, places.reassign, "MANAGEMENT_CENTER_UNAVAILABLE"),
    "complete": (COMPLETE_INSTALLATION.name, places.accepted, places.complete, "INSTALLATION_UNAVAILABLE"),
    "cancel": (CANCEL_INSTALLATION.name, places.accepted, places.cancel, "INSTALLATION_UNAVAILABLE"),
    "close": (CLOSE_ASSIGNMENT.name, places.accepted, places.cancel, "MANAGEMENT_CENTER_UNAVAILABLE"),
    "close beside the completion": (
        CLOSE_ASSIGNMENT.name,
        places.accepted,
        places.complete,
        "MANAGEMENT_CENTER_UNAVAILABLE",
    ),
}


@pytest.mark.parametrize("step", OUTAGES)
async def test_a_step_that_cannot_go_on_asks_for_a_person_and_goes_on_when_the_cause_is_gone(
    timeless: Stage, clock: WorkflowEnvironment, step: str
) -> None:
    command, arrive, say, reason = OUTAGES[step]
    faults = timeless.contexts.faults
    if arrive is places.at_once:
        faults.fail(command, times=EVER)
    order = await timeless.place(POLICY)
    await arrive(order)
    faults.fail(command, times=EVER)
    began = await clock.get_current_time()
    said = await order.put(say(order))
    await timeless.contexts.until(lambda: command in timeless.contexts.called(order.order_id))

    await clock.sleep(timedelta(seconds=POLICY.attention_after + 5))
    asked_for = (await order.until_attention(reason)).attention
    assert asked_for is not None
    assert timedelta(seconds=10) < asked_for.since - began < timedelta(seconds=POLICY.attention_after + 5)
    await clock.sleep(timedelta(minutes=10))
    assert (await order.order()).attention == asked_for
    faults.heal()
    async with passing(clock, timedelta(seconds=POLICY.retry_at_most_every + 5)):
        await order.until_attention(None)
        await said
    assert await begun(order, command) <= 3


async def begun(order: Placed, command: str) -> int:
    """How often an activity was started; its tries are not counted."""
    history = await order.handle.fetch_history()
    scheduled = [event.activity_task_scheduled_event_attributes.activity_type.name for event in history.events]
    return scheduled.count(command)


async def test_attention_is_cleared_when_its_cause_is_gone_and_not_only_at_the_next_wait(
    timeless: Stage, clock: WorkflowEnvironment
) -> None:
    timeless.contexts.faults.fail(ASSIGN_ENGINEER.name, times=EVER)
    gate = timeless.contexts.faults.hold(REQUEST_INSTALLATION.name)
    order = await timeless.place(replace(POLICY, try_for=3600))
    await timeless.contexts.until(lambda: timeless.contexts.calls != [])
    await clock.sleep(timedelta(seconds=POLICY.attention_after + 5))
    await order.until_attention("MANAGEMENT_CENTER_UNAVAILABLE")

    timeless.contexts.faults.heal()
    async with passing(clock, timedelta(seconds=POLICY.retry_at_most_every + 5)):
        await gate.until_reached()
        await order.until_attention(None)
        gate.open()
        await order.until(OrderStatus.INSTALLATION_REQUESTED)
