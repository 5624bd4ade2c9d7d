"""Rescheduling until the visit is done: it is applied as a whole, or refused without any change."""

import asyncio
from dataclasses import replace

from domain.installation import REQUEST_INSTALLATION, InstallationStatus
from domain.management_center.assignments import ASSIGN_ENGINEER
from domain.orders import Event, Order, OrderStatus
from tests.workflows import places
from tests.workflows.contexts import FIRST, Contexts, window
from tests.workflows.placed import refusal
from tests.workflows.stage import QUICK, Stage
from tests.workflows.waiting import together

TAKEN, FREE = window(1), window(2)
ONE_IS_ENOUGH = replace(QUICK, rounds=1)
OPEN: dict[str, tuple[places.Arrive, str]] = {
    "nobody is assigned": (places.at_once, ASSIGN_ENGINEER.name),
    "waiting for an engineer": (places.turned_down, ""),
    "the request is on its way": (places.at_once, REQUEST_INSTALLATION.name),
    "requested": (places.requested, ""),
    "accepted": (places.accepted, ""),
    "begun": (places.started, ""),
    "come to nothing": (places.failed, ""),
    "lost": (places.lost, ""),
}
"""Every open state: how an order gets there, and the command that is held meanwhile, if any."""


def seen(order: Order, contexts: Contexts) -> tuple[object, ...]:
    """Return everything that a refused reschedule must not change."""
    history = [(entry.event, entry.by) for entry in order.history]
    return order.status, order.engineer_id, order.visit, order.attention, history, contexts.booked.get(order.order_id)


def taken(contexts: Contexts) -> None:
    """Make every engineer absent in that window."""
    contexts.away |= {(engineer_id, TAKEN) for engineer_id in contexts.engineers}


async def test_an_order_is_rescheduled_to_a_free_window_and_not_to_a_taken_one_in_every_open_state(
    stage: Stage,
) -> None:
    taken(stage.contexts)

    async def case(arrive: places.Arrive, held: str) -> None:
        contexts, order_id = stage.contexts, stage.new_id()
        gate = contexts.faults.hold(held, order_id=order_id, tries=1)
        order = await stage.place(ONE_IS_ENOUGH if arrive is places.turned_down else QUICK, order_id=order_id)
        await arrive(order)
        if held:
            await gate.until_reached()
        else:
            await order.until_quiet()
        before = seen(await order.order(), contexts)
        asking = await order.put(refusal(order.reschedule(TAKEN)))
        gate.open()
        assert await asking == "VisitUnavailable"
        await order.until_quiet()
        if not held:
            assert seen(await order.order(), contexts) == before
        engineer_id = "e2" if arrive is places.turned_down else "e1"

        told = await order.reschedule(FREE)

        assert told.visit is not None
        assert told.visit.start == FREE
        assert contexts.booked[order_id] == (engineer_id, FREE)
        last = [entry for entry in told.history if entry.event == Event.VISIT_RESCHEDULED]
        assert [entry.by for entry in last] == ["customer:1"]
        row = await order.until_with(OrderStatus.INSTALLATION_REQUESTED, engineer_id)
        assert row.attention is None
        open_ = [status for status in contexts.installations[order_id].values() if status.open]
        assert open_ == [InstallationStatus.REQUESTED]
        await order.accept(engineer_id)
        await order.complete(engineer_id)
        assert (await order.result()).visit == told.visit

    await together({name: case(*state) for name, state in OPEN.items()})


async def test_the_engineer_of_the_visit_keeps_it_where_they_can_and_else_another_has_it(stage: Stage) -> None:
    """The engineer whom a manager has named is kept, too, although others would come first."""
    stage.contexts.away.add(("e2", window(2)))
    order = await stage.place()
    await places.reassigned(order)
    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e2")

    kept = await order.reschedule(window(1), by="manager:m1")
    assert (kept.engineer_id, kept.history[-1].event) == ("e2", Event.VISIT_RESCHEDULED)
    given = await order.reschedule(window(2), by="manager:m1")

    assert given.engineer_id == "e1"
    assert [(entry.event, entry.by) for entry in given.history[-2:]] == [
        (Event.ENGINEER_REASSIGNED, "manager:m1"),
        (Event.VISIT_RESCHEDULED, "manager:m1"),
    ]
    assert given.history[-1].detail == f"instead of {window(1):%F %T} UTC"


async def test_the_same_reschedule_twice_is_one_and_another_meanwhile_is_refused(stage: Stage) -> None:
    order = await stage.place()
    await places.accepted(order)
    gate = stage.contexts.faults.hold(ASSIGN_ENGINEER.name, tries=1)
    first = await order.put(order.reschedule(window(1)))
    await gate.until_reached()

    second = await order.put(order.reschedule(window(1), by="manager:m1"))
    assert await refusal(order.reschedule(FIRST)) == "IllegalTransition"
    assert await refusal(order.assign("e1")) == "IllegalTransition"
    gate.open()
    await asyncio.gather(first, second)
    await order.reschedule(window(1))

    told = [entry.by for entry in (await order.order()).history if entry.event == Event.VISIT_RESCHEDULED]
    assert told == ["customer:1"]
    assert stage.contexts.rounds[order.order_id] == 2


async def test_a_reschedule_to_the_window_that_the_first_round_finds_is_no_second_round(stage: Stage) -> None:
    gate = stage.contexts.faults.hold(ASSIGN_ENGINEER.name, tries=1)
    order = await stage.place()
    await gate.until_reached()
    rescheduling = await order.put(order.reschedule(FIRST))
    gate.open()

    assert (await rescheduling).visit is not None
    await places.requested(order)
    await order.until_quiet()
    assert stage.contexts.rounds[order.order_id] == 1


async def test_a_window_that_has_gone_is_told_and_the_next_later_one_is_taken(stage: Stage) -> None:
    taken(stage.contexts)

    async def case(wanted: int | None, given: int, told: list[str | None]) -> None:
        order = await stage.place(preferred_visit=None if wanted is None else window(wanted))
        await places.requested(order)
        row = order.row
        assert row.visit is not None
        assert row.visit.start == window(given)
        assert [entry.detail for entry in row.history if entry.event == Event.VISIT_RESCHEDULED] == told
        await order.cancel()

    await together(
        {
            "nothing was wanted": case(None, 0, []),
            "it is free": case(3, 3, []),
            "it has gone": case(1, 2, [f"instead of {window(1):%F %T} UTC"]),
            "it is over": case(-5, 0, [f"instead of {window(-5):%F %T} UTC"]),
        }
    )


async def test_who_is_asked_next_is_asked_for_the_same_window_or_it_is_told(stage: Stage) -> None:
    stage.contexts.away.add(("e3", window(1)))
    order = await stage.place(preferred_visit=window(1))
    await places.requested_of_the_next(order)
    assert stage.contexts.booked[order.order_id] == ("e2", window(1))
    await order.decline("e2")

    row = await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e3")

    assert row.visit is not None
    assert row.visit.start == window(2)
    assert [entry.event for entry in row.history].count(Event.VISIT_RESCHEDULED) == 1


async def test_no_order_is_rescheduled_that_is_done_or_canceled(stage: Stage) -> None:
    async def case(end: places.Say, command: str) -> None:
        order = await stage.place()
        await places.accepted(order)
        gate = stage.contexts.faults.hold(command, order_id=order.order_id, tries=1)
        ending = await order.put(end(order))
        await gate.until_reached()

        assert await refusal(order.reschedule(window(1))) == "IllegalTransition"
        assert await refusal(order.reconsider()) == "IllegalTransition"
        gate.open()
        await ending
        await order.result()

    held = {"complete": places.complete, "cancel": places.cancel}
    await together({f"{name}": case(end, f"{name}_installation") for name, end in held.items()})
