"""The course of a visit: begun, completed or failed, and the allowed messages of engineers (rules 7 and 8)."""

from collections.abc import Awaitable, Callable

from domain.installation import (
    ACCEPT_INSTALLATION,
    COMPLETE_INSTALLATION,
    INCOMPLETE_INSTALLATION,
    REQUEST_INSTALLATION,
    START_INSTALLATION,
    InstallationStatus,
)
from domain.management_center.assignments import RELEASE_ASSIGNMENT
from domain.orders import Event, OrderStatus
from tests.workflows import places
from tests.workflows.contexts import FIRST, window
from tests.workflows.placed import Placed, refusal
from tests.workflows.stage import Stage
from tests.workflows.waiting import together

Act = Callable[..., Awaitable[None]]
_REQUESTED = Event.INSTALLATION_REQUESTED.value


async def refused(order: Placed, *acts: Act, round_: int = 0) -> None:
    for act in acts:
        assert await refusal(act(order, "e1", round_)) == "IllegalTransition", act


async def test_acts_that_are_out_of_their_order_are_refused_and_what_was_said_already_is_not(stage: Stage) -> None:
    accept, decline, start = Placed.accept, Placed.decline, Placed.start
    complete, incomplete = Placed.complete, Placed.incomplete

    async def case(
        arrive: places.Arrive, ill: tuple[Act, ...], again: tuple[Act, ...], ends: InstallationStatus
    ) -> None:
        order = await stage.place()
        await arrive(order)
        await refused(order, *ill)
        for act in again:
            await act(order, "e1")
        assert stage.contexts.newest(order.order_id) is ends
        tries = stage.contexts.called(order.order_id)
        assert all(tries.count(command.name) <= 1 for command in (ACCEPT_INSTALLATION, START_INSTALLATION))
        await order.cancel()

    await together(
        {
            "asked": case(places.requested, (start, complete, incomplete), (), InstallationStatus.REQUESTED),
            "accepted": case(places.accepted, (decline,), (accept,), InstallationStatus.ACCEPTED),
            "begun": case(places.started, (decline,), (accept, start), InstallationStatus.STARTED),
            "failed": case(places.failed, (decline, start, complete), (incomplete,), InstallationStatus.INCOMPLETE),
            "lost": case(places.lost, (decline, start, complete, incomplete), (accept,), InstallationStatus.CANCELED),
        }
    )


async def test_what_is_said_of_an_earlier_visit_is_refused_after_it_was_rescheduled(stage: Stage) -> None:
    order = await stage.place()
    await places.accepted(order)
    await order.reschedule(window(1))
    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e1")

    every = (Placed.decline, Placed.start, Placed.complete, Placed.incomplete)
    await refused(order, *every, round_=1)
    await refused(order, Placed.start, Placed.complete, Placed.incomplete)
    await order.accept("e1", 2)
    await refused(order, *every, round_=1)
    await order.complete("e1", 2)

    assert (await order.result()).status is OrderStatus.JOIN_COMPLETED


async def test_everything_that_is_said_before_the_order_has_noted_the_request_is_carried_out_in_turn(
    stage: Stage,
) -> None:
    async def case(last: places.Say, told: list[str]) -> None:
        order_id = stage.new_id()
        gate = stage.contexts.faults.hold(REQUEST_INSTALLATION.name, done=True, order_id=order_id, tries=1)
        order = await stage.place(order_id=order_id)
        await gate.until_reached()
        said = [await order.put(say(order)) for say in (places.accept, places.start, last)]
        gate.open()
        for answer in said:
            await answer

        events = [entry.event for entry in (await order.order()).history]
        assert events[3:] == ["InstallationAccepted", "InstallationStarted", *told]

    await together(
        {
            "done": case(places.complete, ["InstallationCompleted", "JoinCompleted"]),
            "failed": case(places.incomplete, ["InstallationIncomplete"]),
        }
    )


async def test_a_failed_visit_frees_its_window_and_the_second_one_asks_for_a_person(roomy: Stage) -> None:
    contexts = roomy.contexts
    order = await roomy.place()
    await places.started(order)
    # A round that finds nobody is no other visit.
    assert await refusal(order.assign("nobody")) == "EngineerUnavailable"
    assert contexts.booked[order.order_id] == ("e1", FIRST)

    await order.incomplete(reason="FACILITY_PROBLEM")

    row = await order.until(OrderStatus.AWAITING_RESCHEDULE)
    assert (row.visit, row.attention, row.engineer_id) == (None, None, "e1")
    assert (row.history[-1].by, row.history[-1].detail) == ("engineer:e1", "FACILITY_PROBLEM")
    assert contexts.answers[order.order_id][-1].reason == "FACILITY_PROBLEM"
    assert order.order_id not in contexts.booked
    for number in (1, 2):
        await order.reschedule(window(number))
        await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e1")
        await order.accept()
        await order.incomplete()
        failed = (await order.until_attention("VISIT_FAILED")).attention
        assert failed is not None
        assert failed.detail == "CUSTOMER_ABSENT"
        assert order.order_id not in contexts.booked
    assert [status for _, status in sorted(contexts.installations[order.order_id].items())] == [
        InstallationStatus.INCOMPLETE
    ] * 3

    assert (await order.reschedule(window(3))).attention is None


async def test_the_answer_of_a_failed_visit_comes_when_its_window_is_free(stage: Stage) -> None:
    async def case(command: str) -> None:
        order = await stage.place()
        await places.accepted(order)
        gate = stage.contexts.faults.hold(command, order_id=order.order_id, tries=1)
        failing = await order.put(order.incomplete())
        await gate.until_reached()

        assert not failing.done()
        await refused(order, Placed.start, Placed.complete)
        assert (await order.order()).status is OrderStatus.INSTALLATION_ACCEPTED
        gate.open()
        await failing

    await together({name: case(name) for name in (INCOMPLETE_INSTALLATION.name, RELEASE_ASSIGNMENT.name)})


async def test_a_reschedule_while_a_visit_is_being_reported_as_failed_is_of_the_next_visit(stage: Stage) -> None:
    """The window and the engineer of the failed visit are free again, and can be used, too."""

    async def case(wish: places.Say, events: list[str]) -> None:
        order = await stage.place()
        await places.accepted(order)
        gate = stage.contexts.faults.hold(INCOMPLETE_INSTALLATION.name, order_id=order.order_id, tries=1)
        failing = await order.put(order.incomplete())
        await gate.until_reached()
        wishing = await order.put(wish(order))
        gate.open()

        await failing
        await wishing
        row = await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e1")
        assert [entry.event for entry in row.history][4:] == ["InstallationIncomplete", *events]
        assert stage.contexts.booked[order.order_id] == ("e1", FIRST)

    await together(
        {
            "the same window": case(lambda order: order.reschedule(FIRST), ["VisitRescheduled", _REQUESTED]),
            "the same engineer": case(lambda order: order.assign("e1"), ["EngineerReassigned", _REQUESTED]),
        }
    )


async def test_a_note_and_serials_reach_the_installation_context_cut_to_what_it_takes(stage: Stage) -> None:
    order = await stage.place()
    await places.started(order)

    await order.complete(note="in\x00 the hall" + "!" * 1000, serials=["A1", "", "\x00", "B" * 1000, *["C"] * 100])

    (_, _, said) = stage.contexts.answers[order.order_id]
    assert said.note == "in the hall" + "!" * 188
    assert said.serials[:4] == ["A1", "B" * 200, "C", "C"]
    assert len(said.serials) == 48
    assert (await order.result()).install_completed_at == said.at


async def test_a_completion_while_the_beginning_is_being_recorded_counts(stage: Stage) -> None:
    order = await stage.place()
    await places.accepted(order)
    gate = stage.contexts.faults.hold(START_INSTALLATION.name, tries=1)
    starting = await order.put(order.start())
    await gate.until_reached()
    completing = await order.put(order.complete())
    assert await refusal(order.cancel()) == "OrderCancelRejected"
    assert await refusal(order.reschedule(window(1))) == "IllegalTransition"
    gate.open()

    await starting
    await completing
    ended = await order.result()
    assert ended.status is OrderStatus.JOIN_COMPLETED
    assert [entry.event for entry in ended.history].count(Event.INSTALLATION_STARTED) == 1
    assert stage.contexts.called(order.order_id).count(COMPLETE_INSTALLATION.name) == 1
