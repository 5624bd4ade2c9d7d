"""What the status of a consumer's answer means."""

import pytest

from domain.event_delivery.answers import Outcome, outcome_of


@pytest.mark.parametrize(
    ("outcome", "statuses"),
    [
        (Outcome.DELIVERED, [200, 201, 202, 204, 299]),
        (Outcome.THROTTLED, [429]),
        (Outcome.UNREACHABLE, [101, 301, 302, 304, 307, 308, 401, 403, 404, 405, 408, 425, 502, 503, 504]),
        (Outcome.REFUSED, [400, 402, 406, 409, 413, 418, 422, 451, 499, 500, 501, 505, 599]),
        (Outcome.GONE, [410]),
    ],
)
def test_each_status_means_one_thing(outcome: Outcome, statuses: list[int]) -> None:
    assert {outcome_of(status) for status in statuses} == {outcome}


def test_a_consumer_that_says_when_to_come_back_is_busy_and_not_away() -> None:
    assert outcome_of(503, retry_after=0) is Outcome.THROTTLED
    assert outcome_of(500, retry_after=5) is Outcome.REFUSED
