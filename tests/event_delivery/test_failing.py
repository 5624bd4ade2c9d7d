"""What is noted when a consumer fails: how soon it is tried again, by whichever clock, and when that is forgotten."""

import pytest

from activities.event_delivery import delivery_run
from domain.event_delivery.targets import TargetRules
from tests.event_delivery.consumer import BAD_GATEWAY, REFUSED
from tests.event_delivery.delivering import NOON, A, Delivering, recipient, running


async def test_a_consumer_that_fails_is_sent_no_more_requests_in_a_minute_than_are_allowed(
    delivering: Delivering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_run, "WORK_FOR", 0)
    async with recipient(lambda _: BAD_GATEWAY) as seen:
        await delivering.subscribe(seen.port, per_minute=1)
        await delivering.tell("a")
        assert 30 < (await delivering.deliver()).again_after <= 60

        # Something has changed, so that another process does not wait.
        assert 30 < (await running(delivering.activities())).again_after <= 60
        assert len(seen.sent) == 1
        delivering.clock.passes(minutes=1)
        await delivering.deliver()
        assert len(seen.sent) == 2


@pytest.mark.parametrize("agreed", [True, False])
async def test_a_clock_that_was_ahead_for_a_moment_stops_no_subscription(
    delivering: Delivering, *, agreed: bool
) -> None:
    async with recipient(lambda _: BAD_GATEWAY) as seen:
        await delivering.subscribe(seen.port, agreed=agreed)
        await delivering.tell("a")
        delivering.clock.passes(days=30)
        await delivering.deliver()
        delivering.clock.time = NOON

        assert 0.5 <= (await delivering.deliver()).again_after <= 1.5

        assert (await delivering.subscription()).failing_since == NOON
        delivering.clock.passes(days=5)
        assert (await delivering.deliver()).ended


async def test_a_request_of_a_clock_that_was_ahead_delays_no_other(
    delivering: Delivering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_run, "WORK_FOR", 0)
    async with recipient() as seen:
        await delivering.subscribe(seen.port, per_minute=1)
        await delivering.tell("a")
        delivering.clock.passes(days=30)
        await delivering.deliver()
        delivering.clock.time = NOON
        await delivering.tell("a")

        await delivering.deliver()

        assert seen.accepted == ["a-0", "a-1"]


async def test_a_clock_that_was_ahead_for_a_moment_stops_no_order(delivering: Delivering) -> None:
    async with recipient(lambda _: REFUSED) as seen:
        await delivering.subscribe(seen.port)
        await delivering.tell("a")
        delivering.clock.passes(days=30)
        await delivering.deliver()
        delivering.clock.time = NOON

        await delivering.deliver()

        assert len(seen.sent) == 2
        assert [order.since for order in (await delivering.held.list(A)).items] == [NOON]
        await delivering.deliver()
        assert len(seen.sent) == 2, "it is not time to try again"


async def test_an_address_that_a_clock_ahead_found_forbidden_has_to_be_so_for_an_hour(delivering: Delivering) -> None:
    async with recipient() as seen:
        await delivering.subscribe(seen.port)
        await delivering.tell("a")
        object.__setattr__(delivering.pings.outgoing, "rules", TargetRules())
        delivering.clock.passes(days=30)
        await delivering.deliver()
        delivering.clock.time = NOON
        assert not (await delivering.deliver()).ended
        delivering.clock.passes(hours=1)

        assert (await delivering.deliver()).ended


@pytest.mark.parametrize("skipped", [False, True])
async def test_a_failure_is_forgotten_when_a_person_has_given_up_what_failed(
    delivering: Delivering, *, skipped: bool
) -> None:
    answers = [REFUSED, BAD_GATEWAY] if skipped else [BAD_GATEWAY]
    async with recipient(lambda _: answers.pop(0) if answers else BAD_GATEWAY) as seen:
        await delivering.subscribe(seen.port)
        await delivering.tell("a")
        while answers:
            await delivering.deliver()
            delivering.clock.passes(minutes=1)
        assert (await delivering.subscription()).failing_since is not None

        if skipped:
            await delivering.held.skip(A, "a")
        else:
            await delivering.subscriptions.change(A, types=["orders.JoinCompleted"])
        await delivering.deliver()

        subscription = await delivering.subscription()
        assert (subscription.failing_since, subscription.failures, subscription.retry_at) == (None, 0, None)
        delivering.clock.passes(days=6)
        await delivering.tell("b", event="JoinCompleted")
        assert not (await delivering.deliver()).ended, "it has failed once, and not for days"
        assert (await delivering.subscription()).failing_since == delivering.clock()
