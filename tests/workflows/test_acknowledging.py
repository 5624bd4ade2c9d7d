"""A manager acknowledges that an order needs a person. Everybody sees who, and since when."""

from domain.management_center.assignments import ASSIGN_ENGINEER
from domain.orders import Attention, Event, OrderStatus
from tests.workflows import places
from tests.workflows.contexts import window
from tests.workflows.placed import Placed, refusal
from tests.workflows.stage import HASTY, Stage
from tests.workflows.waiting import together


async def asked_for(order: Placed) -> Attention:
    attention = (await order.order()).attention
    assert attention is not None
    return attention


async def test_who_takes_it_on_is_noted_once_and_stays_until_the_cause_is_gone(stage: Stage) -> None:
    stage.contexts.engineers = []
    order = await stage.place(HASTY)
    before = (await order.until_attention("NO_ENGINEER")).attention
    assert before is not None

    told = await order.acknowledge()

    taken_on = await asked_for(order)
    assert (taken_on.reason, taken_on.since) == (before.reason, before.since)
    assert (taken_on.acknowledged_by, taken_on.acknowledged_at) == ("manager:m1", told.history[-1].at)
    assert (told.history[-1].event, told.history[-1].by) == (Event.ATTENTION_ACKNOWLEDGED, "manager:m1")
    await stage.contexts.until(lambda: order.row.attention == taken_on)
    assert (await order.acknowledge()).history == told.history
    # What interrupts it, and what is refused meanwhile, leaves it as it was.
    stage.contexts.faults.fail(ASSIGN_ENGINEER.name, times=10**9)
    assigning = await order.put(refusal(order.assign("nobody")))
    await order.until_attention("MANAGEMENT_CENTER_UNAVAILABLE")
    await order.acknowledge("manager:m2")
    stage.contexts.faults.heal()
    assert await assigning == "EngineerUnavailable"
    await order.until_quiet()
    assert await asked_for(order) == taken_on

    await order.acknowledge("manager:m2")
    assert (await asked_for(order)).acknowledged_by == "manager:m2"
    stage.contexts.engineers = ["e1"]
    await order.reconsider()
    assert (await order.until(OrderStatus.INSTALLATION_REQUESTED)).attention is None
    assert [entry.by for entry in order.row.history if entry.event == Event.ATTENTION_ACKNOWLEDGED] == [
        *("manager:m1", "manager:m2", "manager:m2")
    ]


async def test_nobody_takes_on_what_nobody_is_asked_for(stage: Stage) -> None:
    async def case(arrive: places.Arrive) -> None:
        order = await stage.place()
        await arrive(order)
        assert await refusal(order.acknowledge()) == "IllegalTransition"
        await order.cancel()

    await together({arrive.__name__: case(arrive) for arrive in (places.requested, places.accepted, places.failed)})


async def test_a_lost_visit_is_taken_on_until_there_is_another(stage: Stage) -> None:
    order = await stage.place()
    await places.lost(order)

    assert (await order.acknowledge()).status is OrderStatus.AWAITING_RESCHEDULE

    assert (await order.reschedule(window(1))).attention is None
    assert await refusal(order.acknowledge()) == "IllegalTransition"
