"""A cancel is answered within 5 seconds, whoever is silent, and however late. Tested without a server."""

from datetime import timedelta
from typing import Any, cast

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError

from api.http.errors import NoAnswerInTime
from api.http.temporal_calls import NoSuchWorkflow
from api.orders import canceling as cancels
from api.orders import lookup as lookups
from api.orders.canceling import Canceling
from api.orders.lookup import Known, OrderLookup
from api.orders.updates import Update, Updates
from domain.common.errors import OrderCancelRejected
from domain.orders import CancelRequest, Order, OrderStatus
from tests.api import patience
from workflows.common.decisions import as_failure

ORDER = Order("1", status=OrderStatus.INSTALLATION_ACCEPTED)
WITHIN = 400.0
"""Seconds of the fake's clock for the cancel. The deadline for a worker's answer alone would be much longer."""


class Refusing:
    """A worker that refuses late, and then does not answer; with a clock that only it moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.times: list[float] = []
        self.looked_up_within = 0.0

    def monotonic(self) -> float:
        return self.now

    async def send(self, order_id: str, update: Update, *, within: float) -> "Refusing":
        return self if not self.times else await self.silence(within)

    async def result(self, rpc_timeout: object) -> Order:
        self.now += WITHIN * 0.75
        raise WorkflowUpdateFailedError(as_failure(OrderCancelRejected("the installation has been completed")))

    async def from_workflow(self, order_id: str, *, within: float = 6000) -> Order:
        self.times.append(within)
        return ORDER

    async def fallback(self, order_id: str, *, within: float, record_within: float) -> Known:
        self.looked_up_within = within + record_within
        return Known(ORDER, stale=True)

    async def silence(self, within: float) -> Any:
        self.times.append(within)
        self.now += within
        raise NoAnswerInTime("nobody took the request in time")

    def get_workflow_handle(self, workflow_id: str) -> "Refusing":
        return self

    async def signal(self, name: str, request: CancelRequest, *, rpc_timeout: object) -> None:
        """Accept the signal."""


def test_a_cancel_and_the_look_after_it_have_less_than_five_seconds() -> None:
    patience.wait_as_in_production(patience.ALL)
    assert cancels.CANCEL_WITHIN + cancels.LOOKUP_GRACE < 5


async def test_whoever_is_refused_late_waits_for_no_more_than_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Refusing()
    orders = Canceling(cast(Client, fake), cast(OrderLookup, fake), cast(Updates, fake))
    monkeypatch.setattr(cancels, "CANCEL_WITHIN", WITHIN)
    monkeypatch.setattr(cancels, "TELL_WITHIN", 6000.0)
    monkeypatch.setattr(cancels, "monotonic", fake.monotonic)

    answer = await orders.cancel("1", CancelRequest())

    assert answer == cancels.Cancellation(Known(ORDER, stale=True), done=False)
    assert len(fake.times) == 2
    assert all(within <= WITHIN * 0.25 for within in fake.times)
    # The signal and the lookup share what is left until the answer is due.
    assert 0 < fake.now + fake.looked_up_within <= 1000 + WITHIN + cancels.LOOKUP_GRACE


class Silence(OrderLookup):
    """Sources that use all the time that they are given, and do not answer; with a clock that only they move."""

    def __init__(self, failure: Exception) -> None:
        self.now = 1000.0
        self.failure = failure

    def monotonic(self) -> float:
        return self.now

    async def send(self, order_id: str, update: Update, *, within: float) -> "Silence":
        return self

    async def result(self, rpc_timeout: timedelta) -> Order:
        self.now += rpc_timeout.total_seconds()
        raise TimeoutError

    async def from_workflow(
        self, order_id: str, *, within: float | None = None, result_within: float | None = None
    ) -> Order:
        self.now += (lookups.TELL_WITHIN if within is None else within) + (
            lookups.ANSWER_WITHIN if result_within is None else result_within
        )
        raise self.failure

    async def fallback(
        self, order_id: str, *, within: float | None = None, record_within: float | None = None
    ) -> Known:
        for given in (within, record_within):
            self.now += lookups.ANSWER_WITHIN if given is None else given
        return Known(ORDER, stale=True)


@pytest.mark.parametrize("failure", [NoAnswerInTime("no worker answered in time"), NoSuchWorkflow()])
async def test_whoever_looks_after_a_worker_took_the_cancel_and_died_waits_for_no_more_than_is_left(
    monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    silence = Silence(failure)
    orders = Canceling(cast(Client, None), silence, cast(Updates, silence))
    monkeypatch.setattr(cancels, "CANCEL_WITHIN", WITHIN)
    for module in (cancels, lookups):
        monkeypatch.setattr(module, "TELL_WITHIN", 6000.0)
        monkeypatch.setattr(module, "monotonic", silence.monotonic, raising=False)

    answer = await orders.cancel("1", CancelRequest())

    assert answer == cancels.Cancellation(Known(ORDER, stale=True), done=False)
    assert silence.now == pytest.approx(1000 + WITHIN + cancels.LOOKUP_GRACE)
