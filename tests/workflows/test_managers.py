"""A manager assigns an engineer by hand, in any status. If that is impossible, nothing changes (rule 8)."""

from dataclasses import replace

import pytest

from domain.installation import DECLINE_INSTALLATION, REQUEST_INSTALLATION, InstallationStatus
from domain.management_center.assignments import ASSIGN_ENGINEER
from domain.orders import Event, Order, OrderStatus
from tests.workflows import places
from tests.workflows.contexts import FIRST
from tests.workflows.placed import refusal
from tests.workflows.stage import QUICK, Stage
from tests.workflows.waiting import together


def seen(order: Order) -> tuple[object, ...]:
    """Return everything that a refused assignment must not change."""
    return order.status, order.engineer_id, order.engineer_name, order.attention, order.history


async def test_an_order_that_nobody_could_take_goes_on_with_the_engineer_whom_a_manager_names(stage: Stage) -> None:
    stage.contexts.region = None
    order = await stage.place()
    row = await order.until_attention("NO_SERVICE_AREA")
    assert (row.status, row.engineer_id) == (OrderStatus.AWAITING_ENGINEER, None)

    assignment = await order.assign("e3")

    assert (assignment.engineer_id, assignment.by) == ("e3", "manager:m1")
    row = await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e3")
    assert row.attention is None
    assert [entry.by for entry in row.history if entry.event == Event.ORDER_ACCEPTED] == ["manager:m1"]
    await order.accept("e3")
    await order.complete("e3")
    assert (await order.result()).status is OrderStatus.JOIN_COMPLETED


async def test_an_order_is_taken_from_one_engineer_and_given_to_another(stage: Stage) -> None:
    async def case(arrive: places.Arrive, left: InstallationStatus) -> None:
        order = await stage.place()
        await arrive(order)

        await order.assign("e3")

        row = await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e3")
        assert [entry.event for entry in row.history][-2:] == ["EngineerReassigned", "InstallationRequested"]
        assert stage.contexts.installations[order.order_id] == {1: left, 2: InstallationStatus.REQUESTED}
        assert stage.contexts.booked[order.order_id] == ("e3", FIRST)

    await together(
        {
            "requested": case(places.requested, InstallationStatus.CANCELED),
            "accepted": case(places.accepted, InstallationStatus.CANCELED),
            "begun": case(places.started, InstallationStatus.CANCELED),
            "come to nothing": case(places.failed, InstallationStatus.INCOMPLETE),
        }
    )


@pytest.mark.parametrize("command", [ASSIGN_ENGINEER.name, REQUEST_INSTALLATION.name])
async def test_an_assignment_by_hand_while_the_first_is_under_way_takes_effect_after_it(
    stage: Stage, command: str
) -> None:
    gate = stage.contexts.faults.hold(command, tries=1)
    order = await stage.place()
    await gate.until_reached()

    assigning = await order.put(order.assign("e2"))
    gate.open()

    assert (await assigning).engineer_id == "e2"
    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e2")


async def test_an_unknown_engineer_is_refused_and_everything_stays_as_it_was(stage: Stage) -> None:
    async def case(arrive: places.Arrive) -> None:
        order = await stage.place(replace(QUICK, rounds=1) if arrive is places.turned_down else QUICK)
        await arrive(order)
        await order.until_quiet()
        before = seen(await order.order())
        held = stage.contexts.assignments[order.order_id]

        for engineer_id in ("nobody", ""):
            assert await refusal(order.assign(engineer_id)) == "EngineerUnavailable"

        await order.until_quiet()
        assert seen(await order.order()) == before
        assert stage.contexts.assignments[order.order_id] == held

    states = (places.turned_down, places.requested, places.accepted, places.started, places.failed)
    await together({arrive.__name__: case(arrive) for arrive in (*states, places.requested_of_the_next)})


async def test_an_unknown_engineer_is_refused_where_nobody_can_be_asked_and_the_order_waits_on(stage: Stage) -> None:
    stage.contexts.engineers = []
    order = await stage.place()
    await places.awaiting_engineer(order)
    before = seen(await order.order())

    assert await refusal(order.assign("nobody")) == "EngineerUnavailable"

    await order.until_quiet()
    assert seen(await order.order()) == before
    assert stage.contexts.waiting == [order.order_id]


async def test_after_a_refused_assignment_the_order_goes_on(stage: Stage) -> None:
    order = await stage.place()
    await places.requested(order)
    assert await refusal(order.assign("nobody")) == "EngineerUnavailable"
    await order.accept()
    assert await refusal(order.assign("nobody")) == "EngineerUnavailable"
    await order.assign("e2")
    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e2")
    await order.accept("e2")
    await order.complete("e2")

    assert (await order.result()).engineer_id == "e2"


@pytest.mark.parametrize("arrive", [places.requested, places.accepted])
async def test_the_engineer_who_has_it_already_is_a_yes_without_a_change(stage: Stage, arrive: places.Arrive) -> None:
    order = await stage.place()
    await arrive(order)
    before = seen(await order.order())

    assignment = await order.assign("e1")

    assert (assignment.engineer_id, assignment.round) == ("e1", 1)
    assert seen(await order.order()) == before
    assert stage.contexts.called(order.order_id).count(ASSIGN_ENGINEER.name) == 1


async def test_the_same_engineer_twice_is_once_and_another_meanwhile_is_refused(stage: Stage) -> None:
    order = await stage.place()
    await places.requested(order)
    gate = stage.contexts.faults.hold(ASSIGN_ENGINEER.name, tries=1)
    first = await order.put(order.assign("e2"))
    await gate.until_reached()

    second = await order.put(order.assign("e2"))
    assert await refusal(order.assign("e3")) == "IllegalTransition"
    gate.open()

    assert await first == await second
    assert [entry.event for entry in (await order.order()).history].count(Event.ENGINEER_REASSIGNED) == 1


async def test_while_an_order_changes_hands_neither_engineer_can_complete_it(stage: Stage) -> None:
    order = await stage.place()
    await places.accepted(order)
    gate = stage.contexts.faults.hold(ASSIGN_ENGINEER.name, done=True, tries=1)
    assigning = await order.put(order.assign("e2"))
    await gate.until_reached()

    assert await refusal(order.complete("e1")) == "IllegalTransition"
    assert await refusal(order.complete("e2")) == "NotAssigned"
    gate.open()

    await assigning
    assert (await order.order()).engineer_id == "e2"


async def test_an_acceptance_that_was_taken_before_the_order_changes_hands_is_carried_out(stage: Stage) -> None:
    gate = stage.contexts.faults.hold(REQUEST_INSTALLATION.name, done=True, tries=1)
    order = await stage.place()
    await gate.until_reached()
    accepting = await order.put(order.accept())
    assigning = await order.put(order.assign("e2"))
    gate.open()

    await accepting
    await assigning
    row = await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e2")
    assert [entry.event for entry in row.history] == [
        *("JoinOrdered", "OrderAccepted", "InstallationRequested", "InstallationAccepted"),
        *("EngineerReassigned", "InstallationRequested"),
    ]


async def test_an_engineer_who_is_declining_and_is_named_by_a_manager_is_asked_again(stage: Stage) -> None:
    order = await stage.place()
    await places.requested(order)
    gate = stage.contexts.faults.hold(DECLINE_INSTALLATION.name, done=True, tries=1)
    declining = await order.put(order.decline("e1"))
    await gate.until_reached()
    assigning = await order.put(order.assign("e1"))
    gate.open()

    await declining
    assert (await assigning).round == 2
    row = await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e1")
    assert [entry.event for entry in row.history][-2:] == ["OrderAccepted", "InstallationRequested"]
