"""How the API converts the failure of an update into a refusal."""

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ActivityError, ApplicationError, RetryState

from api.orders.updates import refusal_in
from domain.common.errors import IllegalTransition, NotAssigned, OrderCancelRejected, Refusal
from workflows.common.decisions import as_failure


def told(failure: BaseException) -> Refusal | None:
    return refusal_in(WorkflowUpdateFailedError(failure))


@pytest.mark.parametrize("refusal", [NotAssigned("not theirs"), OrderCancelRejected("too late")])
def test_a_refusal_arrives_as_it_was_sent(refusal: Refusal) -> None:
    arrived = told(as_failure(refusal))

    assert type(arrived) is type(refusal)
    assert str(arrived) == str(refusal)


def test_a_class_by_another_name_is_sent_under_the_same_code() -> None:
    class Renamed(NotAssigned):
        pass

    assert as_failure(Renamed("not theirs")).type == "NotAssigned"


def test_a_refusal_of_a_later_release_is_one_too_with_the_orders_text() -> None:
    arrived = told(ApplicationError("the moon is full", type="MoonFull", non_retryable=True))

    assert type(arrived) is IllegalTransition
    assert str(arrived) == "the moon is full"


@pytest.mark.parametrize(
    "failure",
    [
        ApplicationError("Update handler for 'explode' expected but not found", type="RuntimeError"),
        ActivityError(
            "failed",
            scheduled_event_id=1,
            started_event_id=2,
            identity="",
            activity_type="",
            activity_id="",
            retry_state=RetryState.TIMEOUT,
        ),
    ],
)
def test_what_the_order_could_not_read_or_do_is_no_refusal(failure: BaseException) -> None:
    assert told(failure) is None
