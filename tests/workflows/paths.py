"""Every path that an order can take, each walked once: what the recorded histories are of."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from domain.installation import ACCEPT_INSTALLATION, COMPLETE_INSTALLATION, REQUEST_INSTALLATION
from domain.management_center.assignments import ASSIGN_ENGINEER, CLOSE_ASSIGNMENT
from domain.order_status.view import PROJECT_ORDER
from domain.orders import OrderStatus
from tests.workflows import places
from tests.workflows.contexts import FIRST, window
from tests.workflows.placed import Placed, Way, refusal
from tests.workflows.reset import reset
from tests.workflows.stage import QUICK, Stage

Path = Callable[[Stage], Awaitable[Placed]]


async def completed(stage: Stage) -> Placed:
    order = await stage.place()
    await places.accepted(order)
    await order.until(OrderStatus.INSTALLATION_ACCEPTED)
    await order.complete()
    return order


async def declined_then_completed(stage: Stage) -> Placed:
    order = await stage.place()
    await places.requested_of_the_next(order)
    await order.accept("e2")
    await order.complete("e2")
    return order


async def unanswered_then_completed(stage: Stage) -> Placed:
    order = await stage.place(replace(QUICK, answer_within=0.5))
    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e2")
    await order.accept("e2")
    await order.complete("e2")
    return order


async def awaiting_engineer_then_assigned_by_hand(stage: Stage) -> Placed:
    stage.contexts.region = None
    order = await stage.place()
    await order.until_attention("NO_SERVICE_AREA")
    await order.assign("e3")
    await order.until(OrderStatus.INSTALLATION_REQUESTED)
    await order.accept("e3")
    await order.complete("e3")
    return order


async def reassigned_after_acceptance(stage: Stage) -> Placed:
    order = await stage.place()
    await places.reassigned(order)
    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e2")
    assert await refusal(order.assign("nobody")) == "EngineerUnavailable"
    await order.accept("e2")
    await order.complete("e2")
    return order


async def accepted_and_completed_before_the_order_noted_the_request(stage: Stage) -> Placed:
    gate = stage.contexts.faults.hold(REQUEST_INSTALLATION.name, done=True, tries=1)
    order = await stage.place()
    await gate.until_reached()
    accepting = await order.put(order.accept())
    completing = await order.put(order.complete())
    gate.open()
    await accepting
    await completing
    return order


async def attention_by_an_outage(stage: Stage) -> Placed:
    stage.contexts.faults.fail(ASSIGN_ENGINEER.name, times=10**9)
    order = await stage.place(replace(QUICK, attention_after=0.5))
    await order.until_attention("MANAGEMENT_CENTER_UNAVAILABLE")
    stage.contexts.faults.heal()
    await places.accepted(order)
    await order.complete()
    return order


async def started_then_completed(stage: Stage) -> Placed:
    order = await stage.place()
    await places.started(order)
    await order.complete(note="in the hall", serials=["A1", "B2"])
    return order


async def rescheduled_after_acceptance(stage: Stage) -> Placed:
    order = await stage.place()
    await places.accepted(order)
    stage.contexts.away |= {(engineer_id, window(1)) for engineer_id in stage.contexts.engineers}
    assert await refusal(order.reschedule(window(1))) == "VisitUnavailable"
    await order.reschedule(window(2))
    await installed(order, "e1")
    return order


async def incomplete_then_rescheduled_then_completed(stage: Stage) -> Placed:
    order = await stage.place()
    await places.started(order)
    await order.incomplete()
    await order.reschedule(window(2))
    await installed(order, "e1")
    return order


async def incomplete_twice_then_assigned_by_hand(stage: Stage) -> Placed:
    order = await stage.place()
    await places.failed(order)
    await order.reschedule(window(2))
    await order.until(OrderStatus.INSTALLATION_REQUESTED)
    await order.accept()
    await order.incomplete()
    await order.until_attention("VISIT_FAILED")
    await order.acknowledge()
    await order.assign("e2")
    await installed(order, "e2")
    return order


async def refused_three_times_then_reconsidered(stage: Stage) -> Placed:
    stage.contexts.engineers.append("e4")
    order = await stage.place()
    for engineer_id in ("e1", "e2", "e3"):
        await order.until_with(OrderStatus.INSTALLATION_REQUESTED, engineer_id)
        await order.decline(engineer_id)
    await places.awaiting_engineer(order)
    await order.reconsider()
    await installed(order, "e4")
    return order


async def handed_over(stage: Stage) -> Placed:
    order = await stage.place()
    await places.accepted(order)
    stage.contexts.away.add(("e1", FIRST))
    await order.reconsider()
    await installed(order, "e2")
    return order


async def visit_lost_then_rescheduled(stage: Stage) -> Placed:
    order = await stage.place()
    await places.lost(order)
    await order.until_attention("VISIT_LOST")
    await order.reschedule(window(2))
    await installed(order, "e1")
    return order


async def visit_unreported_then_completed(stage: Stage) -> Placed:
    # The window is still to come, for whoever has not answered when it begins is passed over.
    stage.contexts.first = datetime.now(UTC) + timedelta(hours=1)
    order = await stage.place(replace(QUICK, report_within=-timedelta(days=1).total_seconds()))
    await places.accepted(order)
    await order.until_attention("VISIT_UNREPORTED")
    await order.complete()
    return order


async def installed(order: Placed, engineer_id: str) -> None:
    """By the engineer who is being asked."""
    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, engineer_id)
    await order.accept(engineer_id)
    await order.complete(engineer_id)


async def reset_after_a_decline(stage: Stage) -> Placed:
    order = await stage.place()
    await places.requested_of_the_next(order)
    await reset(stage, order, task=0)
    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e1")
    await order.accept()
    await order.complete()
    return order


async def refused_again_after_the_areas_were_redrawn(stage: Stage) -> Placed:
    stage.contexts.engineers = []
    order = await stage.place()
    await places.awaiting_engineer(order)
    stage.contexts.redrawn[order.order_id] = "KR-26"
    await order.reconsider()
    await order.until_quiet()
    stage.contexts.engineers = ["e1"]
    await order.reconsider()
    await installed(order, "e1")
    return order


async def ambiguous_address_then_assigned_by_hand(stage: Stage) -> Placed:
    stage.contexts.region, stage.contexts.in_question = None, ["KR-11", "KR-26"]
    order = await stage.place()
    await order.until_attention("AMBIGUOUS_ADDRESS")
    stage.contexts.in_question = ["KR-11", "KR-27"]
    await order.reconsider()
    await order.until_quiet()
    await order.assign("e3")
    await installed(order, "e3")
    return order


async def completed_again_after_a_reset(stage: Stage) -> Placed:
    """A completion that has come to nothing is sent again, under another id; then the order is canceled."""
    order = await stage.place()
    await places.accepted(order)
    await order.cancel()
    await order.result()
    await reset(stage, order, after=ACCEPT_INSTALLATION.name, forget=True)
    gate = stage.contexts.faults.hold(COMPLETE_INSTALLATION.name, tries=1)
    completing = await order.put(refusal(order.complete()))
    await gate.until_reached()
    assert await refusal(order.cancel()) == "OrderCancelRejected"
    gate.open()
    await completing
    await order.until_attention("ORDER_CLOSED_ELSEWHERE")
    assert await refusal(order.complete()) == "IllegalTransition"
    await refusal(order.cancel())
    return order


async def closed_without_the_view(stage: Stage) -> Placed:
    """The view is gone for good before the order completes, and its last state is given up."""
    order = await stage.place(_IMPATIENT)
    await places.accepted(order)
    await order.until_quiet()
    stage.contexts.faults.fail(PROJECT_ORDER.name, times=10**9)
    await order.complete()
    return await _repaired(order)


async def closed_without_the_view_and_late(stage: Stage) -> Placed:
    """As above, while the management center takes longer to close the assignment than the order waits for the view."""
    order = await stage.place(_IMPATIENT)
    await places.accepted(order)
    await order.until_quiet()
    stage.contexts.faults.fail(PROJECT_ORDER.name, times=10**9)
    gate = stage.contexts.faults.hold(CLOSE_ASSIGNMENT.name, tries=1)
    await order.complete()
    await order.until_sent(PROJECT_ORDER.name, times=4)
    gate.open()
    return await _repaired(order)


_IMPATIENT = replace(QUICK, projection_patience=1)


async def _repaired(order: Placed) -> Placed:
    """Store the last state, as the reconciliation does when the view is back."""
    ended = await order.result(projected=False)
    order.contexts.projected[order.order_id].append(ended)
    return order


_ARRIVE: dict[OrderStatus, places.Arrive] = {
    OrderStatus.INSTALLATION_REQUESTED: places.requested,
    OrderStatus.INSTALLATION_ACCEPTED: places.accepted,
    OrderStatus.AWAITING_RESCHEDULE: places.failed,
}


def canceled(status: OrderStatus, way: Way) -> Path:
    """Canceled while it reads `status`."""

    async def walk(stage: Stage) -> Placed:
        if status is OrderStatus.JOIN_ORDERED:
            await stage.stop_orders()
            order = await stage.place()
            await order.put(order.cancel(way))
            await stage.start_orders()
            return order
        if status is OrderStatus.AWAITING_ENGINEER:
            stage.contexts.engineers = []
        gate = stage.contexts.faults.hold(REQUEST_INSTALLATION.name, tries=1)
        order = await stage.place()
        if status is OrderStatus.AWAITING_ENGINEER:
            await places.awaiting_engineer(order)
        elif status is OrderStatus.ENGINEER_ASSIGNED:
            await gate.until_reached()
        else:
            gate.open()
            await _ARRIVE[status](order)
        await order.cancel(way)
        return order

    return walk


def cancel_refused(way: Way) -> Path:
    """A cancel that comes when the completion is being recorded."""

    async def walk(stage: Stage) -> Placed:
        gate = stage.contexts.faults.hold(COMPLETE_INSTALLATION.name, tries=1)
        order = await stage.place()
        await places.accepted(order)
        completing = await order.put(order.complete())
        await gate.until_reached()
        await refusal(order.cancel(way))
        gate.open()
        await completing
        return order

    return walk


_CANCELLABLE = (
    OrderStatus.JOIN_ORDERED,
    OrderStatus.AWAITING_ENGINEER,
    OrderStatus.ENGINEER_ASSIGNED,
    OrderStatus.INSTALLATION_REQUESTED,
    OrderStatus.INSTALLATION_ACCEPTED,
    OrderStatus.AWAITING_RESCHEDULE,
)

PATHS: dict[str, Path] = {
    walk.__name__: walk
    for walk in (
        completed,
        declined_then_completed,
        unanswered_then_completed,
        awaiting_engineer_then_assigned_by_hand,
        reassigned_after_acceptance,
        accepted_and_completed_before_the_order_noted_the_request,
        attention_by_an_outage,
        started_then_completed,
        rescheduled_after_acceptance,
        incomplete_then_rescheduled_then_completed,
        incomplete_twice_then_assigned_by_hand,
        refused_three_times_then_reconsidered,
        handed_over,
        visit_lost_then_rescheduled,
        visit_unreported_then_completed,
        reset_after_a_decline,
        refused_again_after_the_areas_were_redrawn,
        ambiguous_address_then_assigned_by_hand,
        completed_again_after_a_reset,
        closed_without_the_view,
        closed_without_the_view_and_late,
    )
}
PATHS |= {f"cancelled_{status.lower()}_by_{way}": canceled(status, way) for status in _CANCELLABLE for way in Way}
PATHS |= {f"cancel_refused_after_completion_by_{way}": cancel_refused(way) for way in Way}
