"""Orders that wait for an engineer, or whose engineer cannot come, decide again when they are notified."""

from dataclasses import replace
from datetime import datetime

import pytest

from domain.installation import WITHDRAW_INSTALLATION, InstallationStatus
from domain.management_center.assignments import ASSIGN_ENGINEER
from domain.orders import Event, OrderStatus
from tests.workflows import places
from tests.workflows.contexts import FIRST, window
from tests.workflows.placed import Placed, refusal
from tests.workflows.stage import QUICK, Stage
from tests.workflows.waiting import together

AS_BEFORE = replace(QUICK, rounds=0, report_within=0)
"""The policy of an order that was placed by the previous release."""


@pytest.fixture
def many(roomy: Stage) -> Stage:
    """A region of six engineers."""
    roomy.contexts.engineers[:] = ["e1", "e2", "e3", "e4", "e5", "e6"]
    return roomy


async def turned_down(order: Placed, *engineers: str) -> None:
    """Let the engineers decline, one after the other."""
    for engineer_id in engineers:
        await order.until_with(OrderStatus.INSTALLATION_REQUESTED, engineer_id)
        await order.decline(engineer_id)


async def test_after_so_many_refusals_as_the_policy_says_an_order_waits_until_it_is_told(many: Stage) -> None:
    order = await many.place()
    await turned_down(order, "e1", "e2", "e3")
    row = await order.until_attention("NO_ENGINEER")
    assert row.attention is not None
    assert (row.status, row.attention.detail) == (OrderStatus.AWAITING_ENGINEER, "3 engineers have been asked")
    assert many.contexts.waiting == [order.order_id]
    assert await refusal(order.assign("nobody")) == "EngineerUnavailable"
    assert await refusal(order.reschedule(window(-1))) == "VisitUnavailable"
    await order.until_quiet()
    assert (await order.order()).history == row.history
    # It has not given away what may have become free meanwhile: it is told of that by the round that was refused.
    assert many.contexts.rounds[order.order_id] == 6

    await order.reconsider()

    # They are counted anew, and nobody is asked twice.
    await turned_down(order, "e4", "e5", "e6")
    row = await order.until_attention("NO_ENGINEER")
    assert [entry.event for entry in row.history].count(Event.ENGINEER_AWAITED) == 2


async def test_somebody_who_agrees_ends_the_count_of_those_who_did_not(many: Stage) -> None:
    order = await many.place()
    await turned_down(order, "e1", "e2")
    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e3")
    await order.accept("e3")
    await order.reschedule(window(1))

    await turned_down(order, "e3", "e4")

    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e5")


async def test_an_order_that_the_release_before_has_taken_asks_on_without_limit(many: Stage) -> None:
    order = await many.place(AS_BEFORE)
    await turned_down(order, "e1", "e2", "e3", "e4", "e5")
    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e6")
    await order.accept("e6")


async def test_a_visit_whose_engineer_cannot_come_is_given_to_another_at_the_same_time(many: Stage) -> None:
    async def case(arrive: places.Arrive, visit: datetime) -> None:
        order = await many.place(preferred_visit=visit)
        await arrive(order)
        many.contexts.away.add(("e1", visit))

        await order.reconsider()

        row = await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e2")
        told = [(entry.event, entry.by) for entry in row.history][-2:]
        assert told == [(Event.ENGINEER_REASSIGNED, "system"), (Event.INSTALLATION_REQUESTED, "system")]
        assert many.contexts.booked[order.order_id] == ("e2", visit)
        await order.accept("e2")
        await order.complete("e2")
        assert (await order.result()).engineer_id == "e2"

    await together({"requested": case(places.requested, window(1)), "accepted": case(places.accepted, window(2))})


async def test_a_visit_to_which_nobody_can_come_is_lost_and_a_person_asked_for(many: Stage) -> None:
    async def case(arrive: places.Arrive, visit: datetime) -> None:
        order = await many.place(preferred_visit=visit)
        await arrive(order)
        places.nobody_comes(order)

        await order.reconsider()

        row = await order.until_attention("VISIT_LOST")
        assert (row.status, row.engineer_id, row.visit) == (OrderStatus.AWAITING_RESCHEDULE, None, None)
        assert many.contexts.newest(order.order_id) is InstallationStatus.CANCELED
        assert order.order_id not in many.contexts.booked
        assert order.order_id not in many.contexts.waiting
        assert await refusal(order.complete("e1")) == "IllegalTransition"
        await order.assign("e4")
        row = await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e4")
        assert row.attention is None
        await order.cancel()

    await together({"requested": case(places.requested, window(1)), "accepted": case(places.accepted, window(2))})


async def test_a_manager_who_wants_another_time_while_a_visit_is_being_lost_gets_it(many: Stage) -> None:
    order = await many.place()
    await places.accepted(order)
    places.nobody_comes(order)
    gate = many.contexts.faults.hold(WITHDRAW_INSTALLATION.name, tries=1)
    telling = await order.put(order.reconsider())
    await gate.until_reached()
    rescheduling = await order.put(order.reschedule(window(2), by="manager:m1"))
    assert await refusal(order.complete()) == "IllegalTransition"
    gate.open()

    await telling
    assert (await rescheduling).visit is not None
    row = await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e1")
    assert row.attention is None


async def test_an_order_is_told_only_of_what_it_has_not_decided_since_and_before_the_visit_has_begun(
    many: Stage,
) -> None:
    async def stale() -> None:
        order = await many.place()
        await places.requested_of_the_next(order)
        await order.reconsider(1)
        await order.until_quiet()
        assert many.contexts.rounds[order.order_id] == 2

    async def begun(arrive: places.Arrive) -> None:
        order = await many.place()
        await arrive(order)
        assert await refusal(order.reconsider()) == "IllegalTransition"
        assert many.contexts.rounds[order.order_id] == 1

    async def lost() -> None:
        order = await many.place(preferred_visit=window(9))
        await places.lost(order)
        assert await refusal(order.reconsider()) == "IllegalTransition"

    async def twice() -> None:
        order = await many.place()
        await places.accepted(order)
        gate = many.contexts.faults.hold(ASSIGN_ENGINEER.name, order_id=order.order_id, tries=1)
        first = await order.put(order.reconsider(1))
        await gate.until_reached()
        second = await order.put(order.reconsider(1))
        gate.open()
        await first
        await second
        await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e1")
        await order.until_quiet()
        assert many.contexts.rounds[order.order_id] == 2

    await together(
        {
            "it has moved on": stale(),
            "it has begun": begun(places.started),
            "it has failed": begun(places.failed),
            "it is lost": lost(),
            "twice": twice(),
        }
    )


async def test_what_a_person_wants_comes_before_what_the_management_center_does(many: Stage) -> None:
    """This holds whichever message comes first."""

    async def case(wish: places.Say, *, first: bool, ends: tuple[str, object]) -> None:
        order = await many.place()
        await places.accepted(order)
        gate = many.contexts.faults.hold(ASSIGN_ENGINEER.name, order_id=order.order_id, tries=1)
        says = [wish, lambda order: order.reconsider(1)]
        answers = [await order.put(say(order)) for say in (says if first else reversed(says))]
        gate.open()
        for answer in answers:
            await answer

        row = await order.until_with(OrderStatus.INSTALLATION_REQUESTED, ends[0])
        await many.contexts.until(lambda: many.contexts.booked[order.order_id] == ends)
        assert row.attention is None
        await order.cancel()

    assign, reschedule = lambda order: order.assign("e5"), lambda order: order.reschedule(window(2))
    await together(
        {
            f"{name}, first: {first}": case(wish, first=first, ends=ends)
            for first in (True, False)
            for name, wish, ends in (("assign", assign, ("e5", FIRST)), ("reschedule", reschedule, ("e1", window(2))))
        }
    )
