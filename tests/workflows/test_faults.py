"""Failures before and after the effect of every step: done once, never half, never again by a late try (rule 5)."""

from dataclasses import replace
from itertools import product

import pytest

from domain.installation import (
    ACCEPT_INSTALLATION,
    CANCEL_INSTALLATION,
    COMPLETE_INSTALLATION,
    DECLINE_INSTALLATION,
    REQUEST_INSTALLATION,
    InstallationStatus,
)
from domain.management_center import ASSIGN_ENGINEER, CLOSE_ASSIGNMENT
from domain.order_status import PROJECT_ORDER
from domain.orders import Order, OrderStatus
from tests.workflows import places
from tests.workflows.placed import Placed, Way
from tests.workflows.stage import QUICK, Stage
from tests.workflows.waiting import together

COMMANDS = [
    command.name
    for command in (
        ASSIGN_ENGINEER,
        REQUEST_INSTALLATION,
        ACCEPT_INSTALLATION,
        DECLINE_INSTALLATION,
        COMPLETE_INSTALLATION,
        CANCEL_INSTALLATION,
        CLOSE_ASSIGNMENT,
        PROJECT_ORDER,
    )
]
IMPATIENT = replace(QUICK, try_for=0.5)
"""A try that does not answer is soon followed by the next."""


async def completed(order: Placed) -> Order:
    """Declined by the first engineer, installed by the second."""
    await places.requested_of_the_next(order)
    await order.accept("e2")
    await order.complete("e2")
    return await order.result()


async def cancelled(order: Placed) -> Order:
    await places.accepted(order)
    await order.cancel()
    return await order.result()


def told(order: Order) -> list[str]:
    return [entry.event for entry in order.history]


COMPLETED = [
    "JoinOrdered",
    *("OrderAccepted", "InstallationRequested", "InstallationDeclined"),
    *("OrderAccepted", "InstallationRequested", "InstallationAccepted"),
    *("InstallationCompleted", "JoinCompleted"),
]
CANCELLED = [
    "JoinOrdered",
    *("OrderAccepted", "InstallationRequested", "InstallationAccepted"),
    *("CancelOrdered", "InstallationCanceled", "OrderCanceled"),
]


@pytest.mark.parametrize("done", [False, True], ids=["before the effect", "after the effect"])
async def test_an_order_ends_the_same_whichever_step_fails_at_first(stage: Stage, done: bool) -> None:
    async def case(name: str) -> None:
        order_id = stage.new_id()
        stage.contexts.faults.fail(name, times=3, done=done, order_id=order_id)
        order = await stage.place(order_id=order_id)
        if name == CANCEL_INSTALLATION.name:
            assert told(await cancelled(order)) == CANCELLED
        else:
            assert told(await completed(order)) == COMPLETED
        assert stage.contexts.called(order_id).count(name) > 3

    await together({name: case(name) for name in COMMANDS})


@pytest.mark.parametrize("done", [False, True], ids=["before the effect", "after the effect"])
async def test_a_try_that_is_given_up_and_works_later_changes_nothing(stage: Stage, done: bool) -> None:
    async def case(name: str) -> None:
        order_id = stage.new_id()
        gate = stage.contexts.faults.hold(name, done=done, order_id=order_id, tries=1)
        order = await stage.place(IMPATIENT, order_id=order_id)
        walk = cancelled if name == CANCEL_INSTALLATION.name else completed
        ended = await walk(order)
        installations = dict(stage.contexts.installations[order_id])

        gate.open()
        await stage.contexts.finished(order_id)

        assert told(ended) == (CANCELLED if walk is cancelled else COMPLETED)
        assert stage.contexts.installations[order_id] == installations
        assert stage.contexts.assignments[order_id] is None
        assert order.row == ended

    await together({name: case(name) for name in COMMANDS})


async def test_an_acceptance_before_the_order_has_noted_the_request_counts(stage: Stage) -> None:
    """The request has reached the engineer; that it did has not reached the order yet."""
    gate = stage.contexts.faults.hold(REQUEST_INSTALLATION.name, done=True, tries=1)
    order = await stage.place()
    await gate.until_reached()
    assert stage.contexts.newest(order.order_id) is InstallationStatus.REQUESTED

    accepting = await order.put(order.accept())
    gate.open()

    await accepting
    assert (await order.order()).status is OrderStatus.INSTALLATION_ACCEPTED
    assert stage.contexts.newest(order.order_id) is InstallationStatus.ACCEPTED


@pytest.mark.parametrize("way", Way)
async def test_a_late_try_after_a_cancel_revives_nothing(stage: Stage, way: Way) -> None:
    async def case(name: str, *, done: bool) -> None:
        order_id = stage.new_id()
        gate = stage.contexts.faults.hold(name, done=done, order_id=order_id, tries=1)
        order = await stage.place(IMPATIENT, order_id=order_id)
        await places.requested(order)
        assert stage.contexts.called(order_id).count(name) == 2

        await order.cancel(way)
        ended = await order.result()
        gate.open()
        await stage.contexts.finished(order_id)

        assert order.row == ended
        assert stage.contexts.assignments[order_id] is None
        assert not any(status.open for status in stage.contexts.installations[order_id].values())

    late = product((ASSIGN_ENGINEER.name, REQUEST_INSTALLATION.name), (False, True))
    await together({f"{name}, done: {done}": case(name, done=done) for name, done in late})
