"""Timers and deadlines, with skipped time (rules 9 to 11)."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from temporalio.testing import WorkflowEnvironment

from domain.common import contexts
from domain.common.commands import Command
from domain.installation import (
    ACCEPT_INSTALLATION,
    CANCEL_INSTALLATION,
    COMPLETE_INSTALLATION,
    DECLINE_INSTALLATION,
    INCOMPLETE_INSTALLATION,
    REQUEST_INSTALLATION,
    START_INSTALLATION,
    WITHDRAW_INSTALLATION,
)
from domain.management_center.assignments import ASSIGN_ENGINEER, CLOSE_ASSIGNMENT, RELEASE_ASSIGNMENT
from domain.order_policy import OrderPolicy
from domain.orders import Attention, OrderStatus
from tests.workflows import places
from tests.workflows.contexts import window
from tests.workflows.placed import Placed, refusal
from tests.workflows.stage import Stage
from tests.workflows.waiting import passing

POLICY = OrderPolicy(rounds=3, report_within=60 * 60, retry_at_most_every=10 * 60)
"""Long retry intervals, for tests in which hours pass."""
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


async def test_who_has_not_answered_when_the_visit_begins_is_passed_over(
    timeless: Stage, clock: WorkflowEnvironment
) -> None:
    timeless.contexts.first = soon = await clock.get_current_time() + timedelta(hours=2)
    order = await timeless.place(POLICY)
    await places.requested(order)

    await clock.sleep(timedelta(hours=2, minutes=1))

    # These contexts give the same window to the others, who have no time to answer any more.
    await order.until_attention("NO_ENGINEER")
    passed_over = next(entry for entry in order.row.history if entry.event == "InstallationUnanswered")
    assert soon <= passed_over.at < soon + timedelta(minutes=1)


async def test_when_three_do_not_answer_a_manager_is_asked_for(timeless: Stage, clock: WorkflowEnvironment) -> None:
    timeless.contexts.engineers.append("e4")
    order = await timeless.place(POLICY)
    for engineer_id in ("e1", "e2", "e3"):
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

    # The second engineer's minute begins a little after the first one's, however busy the machine is.
    await clock.sleep(timedelta(seconds=90))

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


UNAVAILABLE = {
    contexts.MANAGEMENT_CENTER: "MANAGEMENT_CENTER_UNAVAILABLE",
    contexts.INSTALLATION: "INSTALLATION_UNAVAILABLE",
}
OUTAGES: dict[str, tuple[Command[Any, Any], places.Arrive, places.Say]] = {
    "assign": (ASSIGN_ENGINEER, places.at_once, places.nothing),
    "request": (REQUEST_INSTALLATION, places.at_once, places.nothing),
    "accept": (ACCEPT_INSTALLATION, places.requested, places.accept),
    "decline": (DECLINE_INSTALLATION, places.requested, places.decline),
    "reassign": (ASSIGN_ENGINEER, places.accepted, places.reassign),
    "reschedule": (ASSIGN_ENGINEER, places.failed, places.reschedule),
    "lose": (WITHDRAW_INSTALLATION, places.accepted, places.lose),
    "start": (START_INSTALLATION, places.accepted, places.start),
    "fail": (INCOMPLETE_INSTALLATION, places.started, places.incomplete),
    "release": (RELEASE_ASSIGNMENT, places.started, places.incomplete),
    "complete": (COMPLETE_INSTALLATION, places.accepted, places.complete),
    "cancel": (CANCEL_INSTALLATION, places.accepted, places.cancel),
    "close": (CLOSE_ASSIGNMENT, places.accepted, places.cancel),
    "close beside the completion": (CLOSE_ASSIGNMENT, places.accepted, places.complete),
}


async def test_a_step_that_cannot_go_on_asks_for_a_person_and_goes_on_when_the_cause_is_gone(
    timeless: Stage, clock: WorkflowEnvironment
) -> None:
    faults = timeless.contexts.faults
    ids = {name: timeless.new_id() for name in OUTAGES}
    orders: dict[str, Placed] = {}
    begun_by: dict[str, datetime] = {}

    async def begin(name: str) -> "asyncio.Task[object]":
        command, arrive, say = OUTAGES[name]
        if arrive is places.at_once:
            faults.fail(command.name, times=EVER, order_id=ids[name])
        order = orders[name] = await timeless.place(POLICY, order_id=ids[name], preferred_visit=window(len(orders)))
        await arrive(order)
        faults.fail(command.name, times=EVER, order_id=ids[name])
        said = await order.put(say(order))
        await timeless.contexts.until(lambda: command.name in timeless.contexts.called(order.order_id))
        begun_by[name] = await clock.get_current_time()
        return said

    async def asked_for(name: str) -> Attention:
        attention = (await orders[name].until_attention(UNAVAILABLE[OUTAGES[name][0].context])).attention
        assert attention is not None
        assert attention.since - began > timedelta(seconds=10)
        assert attention.since - begun_by[name] < timedelta(seconds=POLICY.attention_after + 5)
        return attention

    began = await clock.get_current_time()
    said = [await begin(name) for name in OUTAGES]
    await clock.sleep(timedelta(seconds=POLICY.attention_after + 5))
    asked = {name: await asked_for(name) for name in OUTAGES}
    await clock.sleep(timedelta(minutes=10))
    for name, order in orders.items():
        assert (await order.order()).attention == asked[name]
    faults.heal()
    async with passing(clock, timedelta(seconds=POLICY.retry_at_most_every + 5)):
        for name, order in orders.items():
            await order.until_attention("VISIT_LOST" if name == "lose" else None)
        await asyncio.gather(*said)
    for name, order in orders.items():
        assert await begun(order, OUTAGES[name][0].name) <= 3


async def begun(order: Placed, command: str) -> int:
    """Return how often an activity was scheduled, without its retries."""
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
