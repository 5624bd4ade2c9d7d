"""No message makes an order's history grow without limit. For the tests' server, a short history counts as long."""

from dataclasses import replace
from itertools import cycle

import pytest

from domain.installation import COMPLETE_INSTALLATION
from domain.orders import Event, OrderStatus
from tests.workflows import places
from tests.workflows.contexts import FIRST, window
from tests.workflows.placed import Placed, Way, refusal
from tests.workflows.stage import QUICK, Stage

MOST = 200
"""Messages. A history counts as long well before this number."""


async def events(order: Placed, *, but: str = "") -> int:
    await order.until_quiet(but={but})
    return len(await order.events())


async def grown_long(order: Placed) -> None:
    """Move the visit back and forth until the history counts as long, so that further moves are refused."""
    moved = 0
    for start in cycle((window(1), window(2))):
        answer = await refusal(order.reschedule(start))
        if answer is not None:
            break
        moved += 1
        assert moved < MOST
    assert answer == "IllegalTransition"
    assert moved > 2
    length = await events(order)
    assert await refusal(order.reschedule(window(5))) == "IllegalTransition"
    assert await events(order) == length


async def test_an_order_is_rescheduled_as_often_as_its_policy_says(stage: Stage) -> None:
    order = await stage.place(replace(QUICK, max_reschedules=2))
    await places.accepted(order)
    stage.contexts.away |= {(engineer_id, window(7)) for engineer_id in stage.contexts.engineers}
    await order.reschedule(window(1))
    assert await refusal(order.reschedule(window(7))) == "VisitUnavailable"
    await order.reschedule(window(2), by="manager:m1")
    length = await events(order)

    assert await refusal(order.reschedule(window(3))) == "IllegalTransition"
    assert await refusal(order.reschedule(FIRST, by="manager:m1")) == "IllegalTransition"

    assert await events(order) == length
    # It has that visit already.
    await order.reschedule(window(2))
    assert [entry.event for entry in order.row.history].count(Event.VISIT_RESCHEDULED) == 2
    # What the limit is not about.
    await order.assign("e2")
    await order.accept("e2")
    await order.complete("e2")
    assert (await order.result()).status is OrderStatus.JOIN_COMPLETED


@pytest.mark.parametrize("limit", [None, 0], ids=["of before", "no limit"])
async def test_where_the_policy_has_no_limit_the_server_has_one_and_the_order_still_comes_to_its_end(
    stage: Stage, limit: int | None
) -> None:
    order = await stage.place(replace(QUICK, max_reschedules=limit))
    await places.requested(order)

    await grown_long(order)

    await order.reconsider()
    await order.until(OrderStatus.INSTALLATION_REQUESTED)
    await order.accept()
    await order.start()
    await order.complete()
    assert (await order.result()).status is OrderStatus.JOIN_COMPLETED


async def test_what_has_been_said_before_does_not_make_a_long_history_longer(stage: Stage) -> None:
    order = await stage.place()
    await places.requested(order)
    await order.accept()
    await order.accept()
    await grown_long(order)
    await order.accept()
    length = await events(order)

    assert await refusal(order.accept()) == "IllegalTransition"

    assert await events(order) == length
    await order.cancel()


async def test_a_long_history_takes_some_more_assignments_and_no_acknowledgements(stage: Stage) -> None:
    order = await stage.place()
    await places.requested(order)
    await grown_long(order)
    await order.accept()
    await order.incomplete()
    await order.assign("e2")
    await order.accept("e2")
    await order.incomplete("e2")
    await order.until_attention("VISIT_FAILED")
    assert await refusal(order.acknowledge()) == "IllegalTransition"

    answers = [await refusal(order.assign("nobody")) for _ in range(20)]

    assert answers == ["EngineerUnavailable"] * 19 + ["IllegalTransition"]
    length = await events(order)
    assert await refusal(order.assign("e1")) == "IllegalTransition"
    assert await events(order) == length
    await order.cancel()
    assert (await order.result()).status is OrderStatus.ORDER_CANCELED


async def test_only_the_first_refusal_of_a_cancel_is_written_down(stage: Stage) -> None:
    order = await stage.place(replace(QUICK, attention_after=3600))
    await places.accepted(order)
    gate = stage.contexts.faults.hold(COMPLETE_INSTALLATION.name, tries=1)
    completing = await order.put(order.complete())
    await gate.until_reached()
    assert await refusal(order.cancel()) == "OrderCancelRejected"
    length = await events(order, but=COMPLETE_INSTALLATION.name)
    told = await order.order()

    for _ in range(3):
        assert await refusal(order.cancel(Way.UPDATE)) == "OrderCancelRejected"

    assert await order.order() == told
    assert await events(order, but=COMPLETE_INSTALLATION.name) == length
    gate.open()
    await completing
    assert (await order.result()).status is OrderStatus.JOIN_COMPLETED
