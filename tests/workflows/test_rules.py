"""The rules for messages to an order, tested without a server."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.common.errors import (
    ChangedMeanwhile,
    EngineerUnavailable,
    Expired,
    IllegalTransition,
    NotAssigned,
    OrderCancelRejected,
    Refusal,
    VisitUnavailable,
)
from domain.installation import EngineerAct, EngineerAction
from domain.management_center.assignments import Assignment
from domain.order_policy import OrderPolicy
from domain.orders import Attention, CancelRequest, Event, Order, OrderStatus
from domain.visits import TimeWindow
from workflows.orders import rules
from workflows.orders.decisions import ReassignmentRequest, Report
from workflows.orders.rules import Moment
from workflows.orders.state import OrderState

NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)
MINE, OTHERS = EngineerAct("e1", 1), EngineerAct("e2", 1)
ANSWERS = (EngineerAction.ACCEPT, EngineerAction.DECLINE)
VISIT = (EngineerAction.START, EngineerAction.COMPLETE, EngineerAction.INCOMPLETE)


def state(
    status: OrderStatus = OrderStatus.INSTALLATION_REQUESTED, *said: EngineerAction, **changes: Any
) -> OrderState:
    """Return an order in its first round, whose engineer is `e1`. The engineer's messages are carried out."""
    order = Order(
        "o1",
        "c1",
        status=status,
        engineer_id="e1",
        visit=TimeWindow(NINE, NINE + timedelta(hours=2)),
    )
    at = OrderState(order, OrderPolicy(), assignment=Assignment("o1", "e1", round=1), last_round=1)
    at.engineer_by_round[1] = "e1"
    for action in said:
        at.record_report(action, MINE).settle()
    for name, value in changes.items():
        setattr(at, name, value)
    return at


def refused(
    at: OrderState, action: EngineerAction, act: EngineerAct = MINE, *, canceling: bool = False
) -> Refusal | None:
    return rules.refuse_action(at, Moment(canceling), action, act)


@pytest.mark.parametrize("action", EngineerAction)
def test_an_act_is_the_assigned_engineers_alone(action: EngineerAction) -> None:
    at = state()

    assert isinstance(refused(at, action, OTHERS), NotAssigned)
    at.engineer_by_round[2], at.assignment, at.order.engineer_id = "e2", Assignment("o1", "e2", round=2), "e2"
    assert isinstance(refused(at, action, MINE), IllegalTransition), "the round before is over"


@pytest.mark.parametrize("action", ANSWERS)
def test_a_request_is_answered_once(action: EngineerAction) -> None:
    assert refused(state(), action) is None
    assert refused(state(OrderStatus.ENGINEER_ASSIGNED), action) is None, "the store may show the request first"
    other = next(each for each in ANSWERS if each is not action)
    assert isinstance(refused(state(OrderStatus.INSTALLATION_ACCEPTED, other), action), IllegalTransition)
    assert refused(state(OrderStatus.INSTALLATION_ACCEPTED, action), action) is None, "the same again is the same"


@pytest.mark.parametrize("action", VISIT)
def test_a_visit_is_reported_after_it_was_accepted_and_before_it_was_reported(action: EngineerAction) -> None:
    accepted = OrderStatus.INSTALLATION_ACCEPTED

    assert isinstance(refused(state(), action), IllegalTransition)
    assert refused(state(accepted, EngineerAction.ACCEPT), action) is None
    if action is not EngineerAction.INCOMPLETE:
        failed = state(accepted, EngineerAction.ACCEPT, EngineerAction.INCOMPLETE)
        assert isinstance(refused(failed, action), IllegalTransition)
    if action is not EngineerAction.COMPLETE:
        done = state(accepted, EngineerAction.ACCEPT, reported_completion=Report("engineer:e1", "e1"))
        assert isinstance(refused(done, action), IllegalTransition)


@pytest.mark.parametrize("action", EngineerAction)
def test_no_act_is_taken_while_the_order_is_canceled_or_given_to_another(action: EngineerAction) -> None:
    accepted = EngineerAction.ACCEPT if action in VISIT else None
    at = state(OrderStatus.INSTALLATION_ACCEPTED, *filter(None, [accepted]))

    assert isinstance(refused(at, action, canceling=True), IllegalTransition)
    at.pending_request = ReassignmentRequest("manager:kim", "e2")
    assert isinstance(refused(at, action), IllegalTransition)


REQUESTS: dict[str, Callable[[OrderState, bool], Refusal | None]] = {
    "assignment": lambda at, canceling: rules.refuse_assignment(at, Moment(canceling), "e2"),
    "reschedule": lambda at, canceling: rules.refuse_reschedule(at, Moment(canceling), NINE + timedelta(1)),
    "reconsideration": lambda at, canceling: rules.refuse_reconsideration(at, Moment(canceling)),
}


@pytest.mark.parametrize("request_", REQUESTS)
def test_another_round_is_wanted_until_the_completion_or_a_cancel(request_: str) -> None:
    refusal = REQUESTS[request_]

    assert refusal(state(), False) is None
    assert isinstance(refusal(state(), True), IllegalTransition)
    assert isinstance(refusal(state(reported_completion=Report("engineer:e1", "e1")), False), IllegalTransition)
    assert isinstance(refusal(state(OrderStatus.JOIN_COMPLETED), False), IllegalTransition)


def test_one_person_wants_something_at_a_time_and_goes_before_the_management_center() -> None:
    at = state()
    anonymous = at.record_request(ReassignmentRequest("system"))
    assert REQUESTS["assignment"](at, False) is None

    wanted = at.record_request(ReassignmentRequest("manager:kim", "e2"))

    assert anonymous.settled
    assert anonymous.refusal is None
    assert at.record_request(ReassignmentRequest("manager:lee", "e2")) is wanted, "the same is joined"
    assert REQUESTS["assignment"](at, False) is None
    assert isinstance(rules.refuse_assignment(at, Moment(), "e3"), IllegalTransition)
    assert isinstance(REQUESTS["reschedule"](at, False), IllegalTransition)
    assert REQUESTS["reconsideration"](at, False) is None, "it is being reconsidered anyway"


def test_what_cannot_be_meant_is_refused_whatever_the_state() -> None:
    at = state()

    for nobody in ("", "e\n2", "e" * 201):
        assert isinstance(rules.refuse_assignment(at, Moment(), nobody), EngineerUnavailable)
    without_zone = NINE.replace(tzinfo=None)
    assert isinstance(rules.refuse_reschedule(at, Moment(), without_zone), VisitUnavailable)


def test_the_management_center_does_not_reconsider_a_visit_that_has_begun() -> None:
    begun = state(OrderStatus.INSTALLATION_ACCEPTED, EngineerAction.ACCEPT, EngineerAction.START)

    assert isinstance(REQUESTS["reconsideration"](begun, False), IllegalTransition)
    assert isinstance(REQUESTS["reconsideration"](state(OrderStatus.AWAITING_RESCHEDULE), False), IllegalTransition)


def test_what_an_order_has_already_is_not_asked_for_again() -> None:
    at = state()

    assert rules.held_by(at, "e1")
    assert not rules.held_by(at, "e2")
    assert rules.visited_at(at, NINE)
    assert not rules.visited_at(at, NINE + timedelta(hours=2))
    at.record_report(EngineerAction.DECLINE, MINE)
    assert not rules.held_by(at, "e1"), "who has declined is asked anew"
    assert not rules.visited_at(at, NINE)


def test_a_change_is_for_the_version_on_which_it_is_based_and_what_is_done_is_accepted_at_any() -> None:
    at, later = state(), NINE + timedelta(days=1)
    at.order.version = 7

    for expected, differs in ((None, False), (7, False), (6, True), (8, True), (0, True)):
        for refusal in (
            rules.refuse_cancel(at, Moment(), CancelRequest(expected_version=expected)),
            rules.refuse_reschedule(at, Moment(), later, expected),
            rules.refuse_assignment(at, Moment(), "e2", expected),
        ):
            assert isinstance(refusal, ChangedMeanwhile) == differs
    assert rules.refuse_reschedule(at, Moment(), NINE, 6) is None
    assert rules.refuse_assignment(at, Moment(), "e1", 6) is None
    assert rules.refuse_cancel(at, Moment(cancel_requested=True), CancelRequest(expected_version=6)) is None
    at.record_request(ReassignmentRequest("manager:kim", start=later))
    assert rules.refuse_reschedule(at, Moment(), later, 6) is None, "the same is being done"
    assert isinstance(rules.refuse_assignment(at, Moment(), "e2", 6), ChangedMeanwhile)


def test_a_cancel_is_not_taken_once_its_sender_knows_of_no_taker() -> None:
    at, request = state(), CancelRequest(expires_at=NINE)

    assert rules.refuse_cancel(at, Moment(at=NINE), request) is None
    assert isinstance(rules.refuse_cancel(at, Moment(at=NINE + timedelta(seconds=1)), request), Expired)
    assert rules.refuse_cancel(at, Moment(at=NINE + timedelta(seconds=1))) is None
    # Another cancel was taken: this one is the same.
    assert rules.refuse_cancel(at, Moment(cancel_requested=True, at=NINE + timedelta(1)), request) is None


def test_another_version_is_told_before_anything_else_that_refuses() -> None:
    at = state(reported_completion=Report("engineer:e1", "e1"))
    at.order.version = 7
    at.order.record(Event.ORDER_CANCEL_REJECTED, at=NINE)

    assert isinstance(rules.refuse_cancel(at, Moment(), CancelRequest(expected_version=6)), ChangedMeanwhile)
    assert isinstance(
        rules.refuse_cancel(at, Moment(), CancelRequest(expected_version=at.order.version)), OrderCancelRejected
    )
    assert isinstance(rules.refuse_assignment(at, Moment(), "e2", 6), ChangedMeanwhile)
    assert isinstance(rules.refuse_assignment(at, Moment(), "e2", at.order.version), IllegalTransition)


def test_an_acknowledgement_needs_somebody_to_be_asked_for() -> None:
    at = state()

    assert isinstance(rules.refuse_acknowledgement(at, Moment()), IllegalTransition)
    at.order.attention = Attention("VISIT_FAILED", NINE)
    assert rules.refuse_acknowledgement(at, Moment()) is None
    at.order.status = OrderStatus.ORDER_CANCELED
    assert isinstance(rules.refuse_acknowledgement(at, Moment()), IllegalTransition)


def test_a_visit_is_moved_as_often_as_the_policy_says_and_of_before_until_the_history_is_long() -> None:
    def moved(limit: int | None, times: int, *, long: bool = False) -> Refusal | None:
        at = state(reschedules=times, policy=OrderPolicy(max_reschedules=limit))
        return rules.refuse_reschedule(at, Moment(history_is_long=long), NINE + timedelta(1))

    assert moved(20, 19) is None
    assert isinstance(moved(20, 20), IllegalTransition)
    for unlimited in (0, None):
        assert moved(unlimited, 1000) is None
        assert isinstance(moved(unlimited, 0, long=True), IllegalTransition)
    assert rules.refuse_reschedule(state(reschedules=20), Moment(history_is_long=True), NINE) is None, (
        "it is then already"
    )


def test_once_the_history_is_long_only_what_leads_to_the_end_is_taken() -> None:
    long, accepted = Moment(history_is_long=True), state(OrderStatus.INSTALLATION_ACCEPTED, EngineerAction.ACCEPT)

    assert isinstance(rules.refuse_action(accepted, long, EngineerAction.ACCEPT, MINE), IllegalTransition)
    assert rules.refuse_action(accepted, long, EngineerAction.COMPLETE, MINE) is None
    accepted.order.attention = Attention("VISIT_FAILED", NINE)
    assert isinstance(rules.refuse_acknowledgement(accepted, long), IllegalTransition)
    assert rules.refuse_assignment(accepted, long, "e2") is None
    accepted.late_assignments = 20
    assert isinstance(rules.refuse_assignment(accepted, long, "e2"), IllegalTransition)


def test_a_late_cancel_is_refused_by_the_handler_once_and_then_without_a_trace() -> None:
    at = state(
        OrderStatus.INSTALLATION_ACCEPTED, EngineerAction.ACCEPT, reported_completion=Report("engineer:e1", "e1")
    )

    assert rules.refuse_cancel(at, Moment()) is None
    at.order.record(Event.ORDER_CANCEL_REJECTED, at=NINE)
    assert isinstance(rules.refuse_cancel(at, Moment()), OrderCancelRejected)
    at.reported_completion = None
    assert rules.refuse_cancel(at, Moment()) is None, "the completion has come to nothing"
