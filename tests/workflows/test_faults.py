"""Failures before and after the effect of each step: it takes effect once, whole, and never by a late try (rule 5)."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count, product

from domain.installation import (
    ACCEPT_INSTALLATION,
    CANCEL_INSTALLATION,
    COMPLETE_INSTALLATION,
    DECLINE_INSTALLATION,
    INCOMPLETE_INSTALLATION,
    REQUEST_INSTALLATION,
    START_INSTALLATION,
    WITHDRAW_INSTALLATION,
    InstallationStatus,
)
from domain.management_center.assignments import ASSIGN_ENGINEER, CLOSE_ASSIGNMENT, RELEASE_ASSIGNMENT
from domain.order_status.view import PROJECT_ORDER
from domain.orders import Order, OrderStatus
from tests.workflows import places
from tests.workflows.contexts import window
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
        START_INSTALLATION,
        INCOMPLETE_INSTALLATION,
        WITHDRAW_INSTALLATION,
        RELEASE_ASSIGNMENT,
        COMPLETE_INSTALLATION,
        CANCEL_INSTALLATION,
        CLOSE_ASSIGNMENT,
        PROJECT_ORDER,
    )
]
OWN = count(1)
"""Numbers that give each order its own window."""
IMPATIENT = replace(QUICK, try_for=3)
"""A try without an answer is soon repeated, but not one that is only slow on a busy machine."""


async def completed(order: Placed) -> Order:
    """The first engineer declines, and the second completes the installation."""
    await places.requested_of_the_next(order)
    await order.accept("e2")
    await order.complete("e2")
    return await order.result()


async def canceled(order: Placed) -> Order:
    await places.accepted(order)
    await order.cancel()
    return await order.result()


async def visited_again(order: Placed) -> Order:
    """The first visit fails, and the second loses its engineer."""
    await places.started(order)
    await order.incomplete()
    await order.reschedule(window(next(OWN)))
    await places.requested(order)
    await places.lose(order)
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
VISITED_AGAIN = [
    *CANCELLED[:4],
    *("InstallationStarted", "InstallationIncomplete", "VisitRescheduled", "InstallationRequested", "VisitLost"),
    *CANCELLED[4:],
]
Walk = Callable[[Placed], Awaitable[Order]]
WALKS: list[tuple[Walk, list[str], tuple[str, ...]]] = [
    (completed, COMPLETED, (ASSIGN_ENGINEER.name, DECLINE_INSTALLATION.name)),
    (completed, COMPLETED, (REQUEST_INSTALLATION.name, ACCEPT_INSTALLATION.name)),
    (completed, COMPLETED, (COMPLETE_INSTALLATION.name, CLOSE_ASSIGNMENT.name, PROJECT_ORDER.name)),
    (canceled, CANCELLED, (CANCEL_INSTALLATION.name, CLOSE_ASSIGNMENT.name)),
    (visited_again, VISITED_AGAIN, (START_INSTALLATION.name, RELEASE_ASSIGNMENT.name)),
    (visited_again, VISITED_AGAIN, (INCOMPLETE_INSTALLATION.name, WITHDRAW_INSTALLATION.name)),
]
"""The paths of orders, their expected events, and the commands on them, which fail at first."""
CASES = list(product(WALKS, (False, True)))


def test_every_command_fails_on_one_of_the_ways() -> None:
    assert {command for _, _, commands in WALKS for command in commands} == set(COMMANDS)


async def test_an_order_ends_the_same_whichever_steps_fail_at_first(stage: Stage) -> None:
    async def case(walk: Walk, events: list[str], commands: tuple[str, ...], *, done: bool) -> None:
        order_id = stage.new_id()
        for command in commands:
            stage.contexts.faults.fail(command, done=done, order_id=order_id)
        ended = await walk(await stage.place(order_id=order_id))
        assert told(ended) == events
        assert all(stage.contexts.called(order_id).count(command) > 1 for command in commands)

    await together({f"{walk[-1]}, done: {done}": case(*walk, done=done) for walk, done in CASES})


async def test_tries_that_are_given_up_and_work_later_change_nothing(stage: Stage) -> None:
    async def case(walk: Walk, events: list[str], commands: tuple[str, ...], *, done: bool) -> None:
        order_id = stage.new_id()
        hold = stage.contexts.faults.hold
        gates = [hold(command, done=done, order_id=order_id, tries=1) for command in commands]
        order = await stage.place(IMPATIENT, order_id=order_id)
        ended = await walk(order)
        installations = dict(stage.contexts.installations[order_id])

        for gate in gates:
            assert gate.reached.is_set()
            gate.open()
        await stage.contexts.finished(order_id)

        assert told(ended) == events
        assert stage.contexts.installations[order_id] == installations
        assert stage.contexts.assignments[order_id] is None
        assert order_id not in stage.contexts.booked
        assert order.row == ended

    await together({f"{walk[-1]}, done: {done}": case(*walk, done=done) for walk, done in CASES})


async def test_an_acceptance_before_the_order_has_noted_the_request_counts(stage: Stage) -> None:
    """The request has reached the engineer, but the order does not know it yet."""
    gate = stage.contexts.faults.hold(REQUEST_INSTALLATION.name, done=True, tries=1)
    order = await stage.place()
    await gate.until_reached()
    assert stage.contexts.newest(order.order_id) is InstallationStatus.REQUESTED

    accepting = await order.put(order.accept())
    gate.open()

    await accepting
    assert (await order.order()).status is OrderStatus.INSTALLATION_ACCEPTED
    assert stage.contexts.newest(order.order_id) is InstallationStatus.ACCEPTED


async def test_a_late_try_after_a_cancel_revives_nothing(stage: Stage) -> None:
    async def case(way: Way, *, done: bool) -> None:
        order_id = stage.new_id()
        late = (ASSIGN_ENGINEER.name, REQUEST_INSTALLATION.name)
        gates = [stage.contexts.faults.hold(name, done=done, order_id=order_id, tries=1) for name in late]
        order = await stage.place(IMPATIENT, order_id=order_id)
        await places.requested(order)
        assert all(gate.reached.is_set() for gate in gates)

        await order.cancel(way)
        ended = await order.result()
        for gate in gates:
            gate.open()
        await stage.contexts.finished(order_id)

        assert order.row == ended
        assert stage.contexts.assignments[order_id] is None
        assert order_id not in stage.contexts.booked
        assert not any(status.open for status in stage.contexts.installations[order_id].values())

    await together({f"{way}, done: {done}": case(way, done=done) for way, done in product(Way, (False, True))})
