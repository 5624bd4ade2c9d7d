"""Cancel in each way, at every wait and during every step (rules 3 to 6)."""

import asyncio
from dataclasses import replace
from itertools import product

import pytest

from domain.installation import (
    ACCEPT_INSTALLATION,
    CANCEL_INSTALLATION,
    DECLINE_INSTALLATION,
    INCOMPLETE_INSTALLATION,
    REQUEST_INSTALLATION,
    START_INSTALLATION,
    InstallationStatus,
)
from domain.management_center.assignments import ASSIGN_ENGINEER, CLOSE_ASSIGNMENT, RELEASE_ASSIGNMENT
from domain.order_policy import OrderPolicy
from domain.order_status.view import PROJECT_ORDER
from domain.orders import CancelRequest, Event, Order, OrderStatus
from tests.workflows import places
from tests.workflows.placed import Placed, Way, refusal
from tests.workflows.stage import QUICK, Stage
from tests.workflows.waiting import together


async def test_only_the_validator_compares_versions_so_a_history_of_a_release_that_does_not_is_replayed(
    stage: Stage,
) -> None:
    """A worker of such a release takes the cancel, and the history must mean the same to one of this release."""
    order = await stage.place()
    await places.requested(order)

    await order.handle.signal("request_cancel", CancelRequest("customer", expected_version=1))

    assert (await order.result()).status is OrderStatus.ORDER_CANCELED


async def canceled(order: Placed, way: Way) -> Order:
    """Cancel an order. Returns the ended order."""
    return await ended_by(order, way, await order.cancel(way))


async def ended_by(order: Placed, way: Way, answer: Order | None) -> Order:
    """Return a canceled order, after checking its end."""
    ended = await order.result()
    assert ended.status is OrderStatus.ORDER_CANCELED
    assert answer is None or answer.status is OrderStatus.ORDER_CANCELED
    told = [entry for entry in ended.history if entry.event == Event.CANCEL_ORDERED]
    by = "system" if way is Way.NATIVE else "customer:1"
    assert [(entry.by, entry.detail) for entry in told] == [(by, "moved away")]
    return ended


def freed(stage: Stage, order: Placed) -> bool:
    """Return whether no engineer has anything to do with the order."""
    contexts, order_id = stage.contexts, order.order_id
    lives = any(status.open for status in contexts.installations[order_id].values())
    held = contexts.assignments.get(order_id) is not None or order_id in contexts.booked
    return not (lives or held or order_id in contexts.waiting)


WAITING: dict[str, tuple[OrderPolicy, places.Arrive]] = {
    "for an engineer": (replace(QUICK, rounds=1), places.turned_down),
    "for an answer": (QUICK, places.requested),
    "for the visit": (QUICK, places.accepted),
    "for the report": (QUICK, places.started),
    "for another visit": (QUICK, places.failed),
    "for the answer of the next": (QUICK, places.requested_of_the_next),
}


@pytest.mark.parametrize("way", Way)
async def test_a_waiting_order_is_canceled_with_its_installation_and_answered_when_its_window_is_free(
    stage: Stage, way: Way
) -> None:
    async def case(policy: OrderPolicy, arrive: places.Arrive) -> None:
        order = await stage.place(policy)
        await arrive(order)
        gate = stage.contexts.faults.hold(CLOSE_ASSIGNMENT.name, order_id=order.order_id, tries=1)
        booked = stage.contexts.booked.get(order.order_id)
        canceling = await order.put(order.cancel(way))
        await gate.until_reached()
        await order.until(OrderStatus.ORDER_CANCELED)
        assert canceling.done() == (way is not Way.UPDATE)
        assert stage.contexts.booked.get(order.order_id) == booked
        gate.open()

        events = [entry.event for entry in (await ended_by(order, way, await canceling)).history]
        assert events[-3:] == ["CancelOrdered", "InstallationCanceled", "OrderCanceled"]
        assert freed(stage, order)

    await together({name: case(*waiting) for name, waiting in WAITING.items()})


async def test_a_cancel_while_a_visit_is_changed_frees_what_was_booked_late_too(stage: Stage) -> None:
    """The other context has its effect before or after the cancel."""

    async def case(arrive: places.Arrive, say: places.Say, command: str, *, done: bool) -> None:
        order = await stage.place()
        await arrive(order)
        gate = stage.contexts.faults.hold(command, done=done, order_id=order.order_id, tries=1)
        saying = await order.put(refusal(say(order)))
        await gate.until_reached()

        await canceled(order, Way.UPDATE)
        gate.open()
        await stage.contexts.finished(order.order_id)

        # The management center is not refused: it has nothing more to tell.
        assert await saying == (None if say is places.reconsider else "IllegalTransition")
        assert freed(stage, order)

    changes = {
        "reschedule": (places.accepted, places.reschedule, ASSIGN_ENGINEER.name),
        "reschedule a failed visit": (places.failed, places.reschedule, ASSIGN_ENGINEER.name),
        "hand over": (places.accepted, places.reconsider, ASSIGN_ENGINEER.name),
        "start": (places.accepted, places.start, START_INSTALLATION.name),
        "fail": (places.started, places.incomplete, INCOMPLETE_INSTALLATION.name),
        "release": (places.started, places.incomplete, RELEASE_ASSIGNMENT.name),
    }
    await together(
        {
            f"{name}, done: {done}": case(*change, done=done)
            for (name, change), done in product(changes.items(), (False, True))
        }
    )


async def test_a_cancel_before_the_first_workflow_task_asks_nobody_for_anything(stage: Stage) -> None:
    await stage.stop_orders()
    orders = {way: await stage.place() for way in Way}
    canceling = {way: await order.put(order.cancel(way)) for way, order in orders.items()}

    await stage.start_orders()

    for way, order in orders.items():
        ended = await order.result()
        assert [(entry.event, entry.detail) for entry in ended.history] == [
            ("JoinOrdered", None),
            ("CancelOrdered", "moved away"),
            ("InstallationCanceled", None),
            ("OrderCanceled", None),
        ]
        assert (await canceling[way] or ended).status is OrderStatus.ORDER_CANCELED
        assert stage.contexts.newest(order.order_id) is InstallationStatus.CANCELED
        assert ASSIGN_ENGINEER.name not in stage.contexts.called(order.order_id)


UNDER_WAY = {
    "assign": (ASSIGN_ENGINEER.name, 0, places.at_once),
    "request": (REQUEST_INSTALLATION.name, 0, places.at_once),
    "accept": (ACCEPT_INSTALLATION.name, 0, places.accepting),
    "decline": (DECLINE_INSTALLATION.name, 0, places.declining),
    "assign after decline": (ASSIGN_ENGINEER.name, 1, places.declined),
    "request after decline": (REQUEST_INSTALLATION.name, 1, places.declined),
    "reassign": (ASSIGN_ENGINEER.name, 1, places.reassigning),
    "reassign what is accepted": (ASSIGN_ENGINEER.name, 1, places.reassigning_what_is_accepted),
    "request after reassign": (REQUEST_INSTALLATION.name, 1, places.reassigned),
    "project": (PROJECT_ORDER.name, 0, places.at_once),
    "project the acceptance": (PROJECT_ORDER.name, 1, places.accepted),
}


@pytest.mark.parametrize("command", UNDER_WAY)
async def test_a_cancel_does_not_wait_for_what_is_under_way_and_that_revives_nothing(
    stage: Stage, command: str
) -> None:
    held, skipped, arrive = UNDER_WAY[command]

    async def case(way: Way, *, done: bool) -> None:
        order_id = stage.new_id()
        gate = stage.contexts.faults.hold(held, done=done, order_id=order_id, tries=1, skipped=skipped)
        order = await stage.place(order_id=order_id)
        await arrive(order)
        await gate.until_reached()

        ended = await canceled(order, way)
        gate.open()
        await stage.contexts.finished(order_id)

        assert order.row == ended
        assert freed(stage, order)

    ways = [(Way.UPDATE, False), (Way.UPDATE, True), (Way.SIGNAL, True), (Way.NATIVE, False)]
    await together({f"{way}, done: {done}": case(way, done=done) for way, done in ways})


@pytest.mark.parametrize("command", [CANCEL_INSTALLATION.name, CLOSE_ASSIGNMENT.name])
async def test_a_cancel_during_the_compensation_is_the_same_cancel(stage: Stage, command: str) -> None:
    async def case(first: Way, second: Way, *, done: bool) -> None:
        order = await stage.place()
        await places.requested(order)
        gate = stage.contexts.faults.hold(command, done=done, order_id=order.order_id, tries=1)
        canceling = await order.put(order.cancel(first))
        await gate.until_reached()

        again = await order.put(order.cancel(second, reason="again"))
        gate.open()

        ended = await order.result()
        for answer in (await canceling, await again):
            assert answer is None or answer.status is OrderStatus.ORDER_CANCELED
        assert [entry.event for entry in ended.history].count(Event.CANCEL_ORDERED) == 1
        assert "again" not in [entry.detail for entry in ended.history]
        assert stage.contexts.called(order.order_id).count(CANCEL_INSTALLATION.name) == 1

    # Before its effect, and after it, by turns.
    pairs = enumerate(product(Way, Way))
    await together({f"{first}, then {second}": case(first, second, done=n % 2 > 0) for n, (first, second) in pairs})


async def test_cancels_by_every_way_at_once_are_one_cancel(stage: Stage) -> None:
    order = await stage.place()
    await places.requested(order)

    answers = await asyncio.gather(*(order.cancel(way) for way in (*Way, *Way)))

    ended = await order.result()
    assert all(answer is None or answer.status is OrderStatus.ORDER_CANCELED for answer in answers)
    assert [entry.event for entry in ended.history].count(Event.CANCEL_ORDERED) == 1
    assert stage.contexts.called(order.order_id).count(CANCEL_INSTALLATION.name) == 1
