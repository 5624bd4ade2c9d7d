"""Who may say what, and when: pure functions of the state, which answer with a refusal or with `None`."""

from dataclasses import dataclass
from datetime import datetime

from domain.common.errors import (
    EngineerUnavailable,
    IllegalTransition,
    NotAssigned,
    OrderCancelRejected,
    Refusal,
    VisitUnavailable,
)
from domain.common.texts import bounded
from domain.installation import EngineerAct, EngineerAction
from domain.orders import OrderStatus
from workflows.orders.decisions import ReassignmentRequest
from workflows.orders.state import OrderState

_REQUESTED = (OrderStatus.ENGINEER_ASSIGNED, OrderStatus.INSTALLATION_REQUESTED)
"""The engineer may see the request before the order has taken note that it was sent."""
_LATE_ASSIGNMENTS = 20
"""So many may a manager still ask for once the history is long; others lead to the order's end without them."""
_HELD = (OrderStatus.ENGINEER_ASSIGNED, OrderStatus.INSTALLATION_REQUESTED, OrderStatus.INSTALLATION_ACCEPTED)
"""An engineer has the order."""


@dataclass(frozen=True)
class Moment:
    """What Temporal tells of the workflow at this moment, beside the order's own state."""

    cancel_requested: bool = False
    history_is_long: bool = False
    """The server suggests to write no more into this order's history than has to be."""


def refuse_action(state: OrderState, now: Moment, action: EngineerAction, act: EngineerAct) -> Refusal | None:
    """An engineer acts: only the one of the round in force, and only what the state allows; the same again is fine."""
    key = state.key_of(action, act)
    if act.engineer_id not in state.engineer_by_round.values():
        return NotAssigned("the installation is not this engineer's")
    if now.cancel_requested:
        return IllegalTransition("the order is being canceled")
    if key in state.reports:
        return IllegalTransition("the engineer has said so before") if now.history_is_long else None
    if state.order.engineer_id is None:
        return IllegalTransition(f"nobody is assigned: the order is {state.order.status}")
    if (key[1], act.engineer_id) != (state.round, state.order.engineer_id):
        return IllegalTransition("the installation has been given to another engineer, or to another time")
    if state.pending_request is not None:
        return IllegalTransition("the installation is being given to another engineer, or to another time")
    return _refuse_by_reports(state, action)


def _refuse_by_reports(state: OrderState, action: EngineerAction) -> Refusal | None:
    if action in (EngineerAction.ACCEPT, EngineerAction.DECLINE):
        if state.answer is not None:
            return IllegalTransition("the installation request has been answered")
        if state.order.status not in _REQUESTED:
            return IllegalTransition(f"the order is {state.order.status}")
    elif state.report(EngineerAction.ACCEPT) is None:
        return IllegalTransition("the installation has not been accepted")
    elif state.reported_completion is not None:
        return IllegalTransition("the installation has been completed")
    elif state.report(EngineerAction.INCOMPLETE) is not None:
        return IllegalTransition("the visit has been reported as incomplete")
    return None


def refuse_assignment(state: OrderState, now: Moment, engineer_id: str) -> Refusal | None:
    """A manager names an engineer: until the completion or a cancel."""
    if not engineer_id or engineer_id != bounded(engineer_id):
        return EngineerUnavailable("there is no such engineer")
    request = ReassignmentRequest("", engineer_id)
    if refusal := _refuse_request(state, now, request):
        return refusal
    new = not joins(state, request) and not held_by(state, engineer_id)
    if new and now.history_is_long and state.late_assignments >= _LATE_ASSIGNMENTS:
        return IllegalTransition("the order has been given to engineers too often")
    return None


def refuse_reschedule(state: OrderState, now: Moment, start: datetime) -> Refusal | None:
    """Another visit is wanted: until the visit has been done, or a cancel was taken."""
    if start.tzinfo is None:
        return VisitUnavailable("no visit window begins at a time without a zone")
    request = ReassignmentRequest("", start=start)
    if refusal := _refuse_request(state, now, request):
        return refusal
    new = not joins(state, request) and not visited_at(state, start)
    if new and (now.history_is_long or 0 < (state.policy.max_reschedules or 0) <= state.reschedules):
        return IllegalTransition("the visit has been moved too often")
    return None


def refuse_reconsideration(state: OrderState, now: Moment) -> Refusal | None:
    """The management center wants another round: while nobody has the order, or before its engineer has begun."""
    if state.pending_request is not None:
        return None
    if refusal := _refuse_request(state, now, ReassignmentRequest("")):
        return refusal
    begun = state.report(EngineerAction.START) or state.report(EngineerAction.INCOMPLETE)
    if state.order.status is OrderStatus.AWAITING_RESCHEDULE or begun:
        return IllegalTransition("the visit has begun")
    return None


def refuse_acknowledgement(state: OrderState, now: Moment) -> Refusal | None:
    """A manager takes on what a person is asked for: while one is, and the order has not ended."""
    if state.order.attention is None or state.order.status.final:
        return IllegalTransition("nobody is asked for")
    if now.history_is_long:
        return IllegalTransition("the order has been changed too often")
    return None


def refuse_cancel_again(state: OrderState) -> Refusal | None:
    """A cancel that comes too late has been recorded once, which is enough."""
    return too_late_to_cancel() if state.reported_completion is not None and state.cancel_rejected else None


def too_late_to_cancel() -> Refusal:
    """A completion was taken first."""
    return OrderCancelRejected("the installation has been completed")


def held_by(state: OrderState, engineer_id: str) -> bool:
    """Whether the engineer has the order already, and nothing is about to change that."""
    holds = state.order.status in _HELD and state.order.engineer_id == engineer_id
    return holds and state.pending_request is None and not _given_up(state)


def visited_at(state: OrderState, start: datetime) -> bool:
    """Whether the order's visit begins then already, and nothing is about to change that."""
    visit = state.order.visit
    return visit is not None and visit.start == start and state.pending_request is None and not _given_up(state)


def _refuse_request(state: OrderState, now: Moment, request: ReassignmentRequest) -> Refusal | None:
    pending = state.pending_request
    if now.cancel_requested:
        return IllegalTransition("the order is being canceled")
    if state.reported_completion is not None or state.order.status.final:
        return IllegalTransition("the installation has been completed")
    if pending is not None and pending.personal and not joins(state, request):
        return IllegalTransition("the order is being given to another engineer, or to another time")
    return None


def joins(state: OrderState, request: ReassignmentRequest) -> bool:
    """Somebody wants the same already."""
    return state.pending_request is not None and state.pending_request.same_as(request)


def _given_up(state: OrderState) -> bool:
    """The engineer who has the order has said that this visit comes to nothing."""
    return state.report(EngineerAction.DECLINE) is not None or state.report(EngineerAction.INCOMPLETE) is not None
