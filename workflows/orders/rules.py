"""Rules of who may do what, and when: pure functions of the state that return a refusal or `None`."""

from dataclasses import dataclass
from datetime import datetime

from domain.common.errors import (
    EngineerUnavailable,
    Expired,
    IllegalTransition,
    NotAssigned,
    OrderCancelRejected,
    Refusal,
    VisitUnavailable,
)
from domain.common.texts import bounded
from domain.common.times import UNSET
from domain.installation import EngineerAct, EngineerAction
from domain.orders import CancelRequest, OrderStatus
from workflows.orders.decisions import ReassignmentRequest
from workflows.orders.state import OrderState

_REQUESTED = (OrderStatus.ENGINEER_ASSIGNED, OrderStatus.INSTALLATION_REQUESTED)
"""Statuses in which an engineer may answer. They may see the request before the order records that it was sent."""
_LATE_ASSIGNMENTS = 20
"""How many assignments managers may still request once the history is long."""
_ASSIGNED = (OrderStatus.ENGINEER_ASSIGNED, OrderStatus.INSTALLATION_REQUESTED, OrderStatus.INSTALLATION_ACCEPTED)
"""Statuses in which an engineer has the order."""


@dataclass(frozen=True)
class Moment:
    """What Temporal says about the workflow at this moment, besides the order's own state."""

    cancel_requested: bool = False
    history_is_long: bool = False
    """The server suggests that this workflow's history should not grow any more."""
    at: datetime = UNSET


def refuse_action(state: OrderState, now: Moment, action: EngineerAction, act: EngineerAct) -> Refusal | None:
    """Check an engineer's action: only the engineer of the current round, and only what the state allows.

    A repetition of the same action is accepted.
    """
    key = state.key_of(action, act)
    if act.engineer_id not in state.engineer_by_round.values():
        return NotAssigned("the installation is not assigned to this engineer")
    if now.cancel_requested:
        return IllegalTransition("the order is being canceled")
    if key in state.reports:
        return IllegalTransition("the engineer has already reported this") if now.history_is_long else None
    if state.order.engineer_id is None:
        return IllegalTransition(f"no engineer is assigned: the order is {state.order.status}")
    if (key[1], act.engineer_id) != (state.round, state.order.engineer_id):
        return IllegalTransition("the installation has been moved to another engineer or another time")
    if state.pending_request is not None:
        return IllegalTransition("the installation is being moved to another engineer or another time")
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


def refuse_assignment(
    state: OrderState, now: Moment, engineer_id: str, expected_version: int | None = None
) -> Refusal | None:
    """Check a manager's choice of an engineer: possible until the completion or a cancel, and at the expected version.

    What is done or being done already is accepted at any version.
    """
    if not engineer_id or engineer_id != bounded(engineer_id):
        return EngineerUnavailable("there is no such engineer")
    request = ReassignmentRequest("", engineer_id)
    new = not joins(state, request) and not held_by(state, engineer_id)
    if new and (changed := state.order.refuse_other_version(expected_version)):
        return changed
    if refusal := _refuse_request(state, now, request):
        return refusal
    if new and now.history_is_long and state.late_assignments >= _LATE_ASSIGNMENTS:
        return IllegalTransition("the order has been reassigned too often")
    return None


def refuse_reschedule(
    state: OrderState, now: Moment, start: datetime, expected_version: int | None = None
) -> Refusal | None:
    """Check a request for another visit: possible until the completion or a cancel, and at the expected version.

    What is done or being done already is accepted at any version.
    """
    if start.tzinfo is None:
        return VisitUnavailable("the start of a visit window needs a time zone")
    request = ReassignmentRequest("", start=start)
    new = not joins(state, request) and not visited_at(state, start)
    if new and (changed := state.order.refuse_other_version(expected_version)):
        return changed
    if refusal := _refuse_request(state, now, request):
        return refusal
    if new and (now.history_is_long or 0 < (state.policy.max_reschedules or 0) <= state.reschedules):
        return IllegalTransition("the visit has been moved too often")
    return None


def refuse_reconsideration(state: OrderState, now: Moment) -> Refusal | None:
    """Check the management center's request: possible until the engineer of the order has begun the visit."""
    if state.pending_request is not None:
        return None
    if refusal := _refuse_request(state, now, ReassignmentRequest("")):
        return refusal
    begun = state.report(EngineerAction.START) or state.report(EngineerAction.INCOMPLETE)
    if state.order.status is OrderStatus.AWAITING_RESCHEDULE or begun:
        return IllegalTransition("the visit has begun")
    return None


def refuse_acknowledgement(state: OrderState, now: Moment) -> Refusal | None:
    """Check an acknowledgement: possible while the order asks for attention and has not ended."""
    if state.order.attention is None or state.order.status.final:
        return IllegalTransition("the order does not ask for attention")
    if now.history_is_long:
        return IllegalTransition("the order has been changed too often")
    return None


def refuse_cancel(state: OrderState, now: Moment, request: CancelRequest = CancelRequest()) -> Refusal | None:
    """Check a cancel for what leaves no trace: another version than expected, and a cancel that is too late.

    A cancel that is accepted already is joined at any version and time.
    """
    if not now.cancel_requested:
        if request.expires_at is not None and now.at > request.expires_at:
            return Expired("nobody took the request in time")
        if changed := state.order.refuse_other_version(request.expected_version):
            return changed
    return too_late_to_cancel() if state.reported_completion is not None and state.cancel_rejected else None


def too_late_to_cancel() -> Refusal:
    """Return the refusal of a cancel that comes after the completion."""
    return OrderCancelRejected("the installation has been completed")


def held_by(state: OrderState, engineer_id: str) -> bool:
    """Whether the engineer already has the order, and no pending change affects that."""
    holds = state.order.status in _ASSIGNED and state.order.engineer_id == engineer_id
    return holds and state.pending_request is None and not _given_up(state)


def visited_at(state: OrderState, start: datetime) -> bool:
    """Whether the order's visit already begins at this time, and no pending change affects that."""
    visit = state.order.visit
    return visit is not None and visit.start == start and state.pending_request is None and not _given_up(state)


def _refuse_request(state: OrderState, now: Moment, request: ReassignmentRequest) -> Refusal | None:
    pending = state.pending_request
    if now.cancel_requested:
        return IllegalTransition("the order is being canceled")
    if state.reported_completion is not None or state.order.status.final:
        return IllegalTransition("the installation has been completed")
    if pending is not None and pending.personal and not joins(state, request):
        return IllegalTransition("the order is being moved to another engineer or another time")
    return None


def joins(state: OrderState, request: ReassignmentRequest) -> bool:
    """Whether the same is already requested."""
    return state.pending_request is not None and state.pending_request.same_as(request)


def _given_up(state: OrderState) -> bool:
    """Whether the engineer of the order has declined, or reported the visit as incomplete."""
    return state.report(EngineerAction.DECLINE) is not None or state.report(EngineerAction.INCOMPLETE) is not None
