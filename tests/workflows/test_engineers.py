"""The messages of engineers: when they are accepted, and when they are refused (rule 8)."""

from collections.abc import Awaitable, Callable

from temporalio.api.enums.v1 import EventType

from domain.installation import ACCEPT_INSTALLATION, CANCEL_INSTALLATION, InstallationStatus
from domain.management_center.assignments import CLOSE_ASSIGNMENT
from domain.orders import Event, OrderStatus
from tests.workflows import places
from tests.workflows.placed import Placed, refusal
from tests.workflows.stage import Stage
from tests.workflows.waiting import together, within

Act = Callable[..., Awaitable[None]]
ACTS: dict[str, Act] = {
    "accept": Placed.accept,
    "decline": Placed.decline,
    "start": Placed.start,
    "complete": Placed.complete,
    "incomplete": Placed.incomplete,
}


async def test_an_engineer_or_a_round_that_was_never_asked_is_refused(stage: Stage) -> None:
    order = await stage.place()
    await places.requested(order)

    for act in ACTS.values():
        for engineer_id in ("e2", "nobody", "", "E1", "e1 "):
            assert await refusal(act(order, engineer_id)) == "NotAssigned"
            assert await refusal(act(order, engineer_id, 1)) == "NotAssigned"
        for round_ in (-1, 2, 10**12):
            assert await refusal(act(order, "e1", round_)) == "IllegalTransition"


async def test_nobody_can_act_while_nobody_was_asked(stage: Stage) -> None:
    stage.contexts.engineers = []
    order = await stage.place()
    await places.awaiting_engineer(order)

    for act in ACTS.values():
        assert await refusal(act(order, "e1")) == "NotAssigned"
        assert await refusal(act(order, "")) == "NotAssigned"


async def test_a_message_without_content_is_refused(stage: Stage) -> None:
    order = await stage.place()
    await places.requested(order)

    for name in ACTS:
        assert await refusal(within(order.handle.execute_update(name))) == "NotAssigned"
    assert await refusal(within(order.handle.execute_update("assign_engineer"))) == "EngineerUnavailable"
    assert (await order.order()).status is OrderStatus.INSTALLATION_REQUESTED


async def test_what_does_not_fit_the_state_leaves_nothing_in_the_history(stage: Stage) -> None:
    order = await stage.place()
    await places.requested(order)
    await order.until_quiet()
    before = await order.events()

    assert await refusal(order.complete()) == "IllegalTransition"
    assert await refusal(order.accept("e2")) == "NotAssigned"

    after = await order.events()
    updates = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
    assert updates not in [event.event_type for event in after]
    assert len(after) == len(before)


async def test_an_engineer_answers_once_and_saying_it_again_has_the_same_outcome(stage: Stage) -> None:
    order = await stage.place()
    await places.requested(order)

    await order.accept()
    await order.accept()
    assert await refusal(order.decline()) == "IllegalTransition"
    await order.complete()
    ended = await order.result()

    assert [entry.event for entry in ended.history].count(Event.INSTALLATION_ACCEPTED) == 1
    assert stage.contexts.called(order.order_id).count(ACCEPT_INSTALLATION.name) == 1


async def test_a_decline_again_is_the_same_decline(stage: Stage) -> None:
    order = await stage.place()
    await places.requested_of_the_next(order)

    await order.decline("e1")

    row = await order.order()
    assert row.engineer_id == "e2"
    assert [entry.event for entry in row.history].count(Event.INSTALLATION_DECLINED) == 1


async def test_an_engineer_who_declined_can_do_nothing_more(stage: Stage) -> None:
    order = await stage.place()
    await places.requested_of_the_next(order)

    for act in (Placed.accept, Placed.start, Placed.complete, Placed.incomplete):
        for round_ in (0, 1, 2):
            assert await refusal(act(order, "e1", round_)) == "IllegalTransition"


async def test_an_engineer_from_whom_the_order_was_taken_cannot_complete_it(stage: Stage) -> None:
    order = await stage.place()
    await places.reassigned(order)
    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e2")
    await order.accept("e2")

    assert await refusal(order.complete("e1")) == "IllegalTransition"
    assert await refusal(order.complete("e1", 1)) == "IllegalTransition"
    await order.complete("e2")
    assert (await order.result()).engineer_id == "e2"


async def test_what_was_said_in_an_earlier_round_does_not_count_when_the_order_comes_back(stage: Stage) -> None:
    order = await stage.place()
    await places.accepted(order)
    for engineer_id in ("e2", "e1"):
        await order.assign(engineer_id)
        await order.until_with(OrderStatus.INSTALLATION_REQUESTED, engineer_id)

    assert await refusal(order.complete("e1")) == "IllegalTransition"
    assert await refusal(order.decline("e1", 1)) == "IllegalTransition"
    await order.accept("e1", 3)
    await order.complete("e1", 3)

    ended = await order.result()
    assert stage.contexts.installations[order.order_id] == {
        1: InstallationStatus.CANCELED,
        2: InstallationStatus.CANCELED,
        3: InstallationStatus.COMPLETED,
    }
    assert [entry.event for entry in ended.history].count(Event.INSTALLATION_ACCEPTED) == 2


async def test_an_engineer_who_declined_may_be_given_the_order_again_by_a_manager(stage: Stage) -> None:
    order = await stage.place()
    await places.requested_of_the_next(order)
    await order.assign("e1")
    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e1")

    await order.accept("e1")

    assert (await order.order()).status is OrderStatus.INSTALLATION_ACCEPTED


async def test_every_act_after_a_cancel_is_refused(stage: Stage) -> None:
    async def case(compensating: str) -> None:
        order = await stage.place()
        await places.accepted(order)
        gate = stage.contexts.faults.hold(compensating, order_id=order.order_id, tries=1)
        await order.put(order.cancel())
        await gate.until_reached()

        for act in ACTS.values():
            assert await refusal(act(order)) == "IllegalTransition"
        for wish in (places.reassign, places.reschedule, places.reconsider):
            assert await refusal(wish(order)) == "IllegalTransition"
        gate.open()
        assert (await order.result()).status is OrderStatus.ORDER_CANCELED

    await together({name: case(name) for name in (CANCEL_INSTALLATION.name, CLOSE_ASSIGNMENT.name)})


async def test_acts_while_the_last_state_is_being_stored_are_answered(stage: Stage) -> None:
    order = await stage.place()
    await places.accepted(order)
    gate = stage.contexts.faults.hold(CLOSE_ASSIGNMENT.name, tries=1)
    await order.complete()
    await gate.until_reached()

    await order.complete()
    await order.accept()
    for say in (places.decline, places.start, places.incomplete, places.reassign, places.reschedule, places.reconsider):
        assert await refusal(say(order)) == "IllegalTransition"
    gate.open()
    assert (await order.result()).status is OrderStatus.JOIN_COMPLETED


async def test_reasons_are_kept_and_cut_to_what_the_api_lets_through(stage: Stage) -> None:
    order = await stage.place()
    await places.requested(order)
    await order.decline(reason="x" * 10_000)

    declined = [entry for entry in (await order.order()).history if entry.event == Event.INSTALLATION_DECLINED]
    assert declined[0].detail == "x" * 200
    assert declined[0].by == "engineer:e1"


async def test_the_answer_comes_when_the_installation_context_has_it(stage: Stage) -> None:
    order = await stage.place()
    await places.requested(order)
    gate = stage.contexts.faults.hold(ACCEPT_INSTALLATION.name, tries=1)
    accepting = await order.put(order.accept())
    await gate.until_reached()

    assert not accepting.done()
    gate.open()
    await within(accepting)
    assert stage.contexts.newest(order.order_id) is InstallationStatus.ACCEPTED
