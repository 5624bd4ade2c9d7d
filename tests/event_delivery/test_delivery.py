"""What an activity delivers, in which order, and what it does with each answer."""

import asyncio
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from activities.event_delivery import delivery_run
from domain.common.errors import NotFound
from domain.event_delivery.answers import Failure, Outcome
from domain.event_delivery.delivery import Delivered, Patience
from domain.event_delivery.subscriptions import Edge, PauseReason, SubscriptionState
from domain.event_delivery.targets import TargetRules
from harness.waiting import soon
from runtime.payload_keys import PayloadKeys
from runtime.secret_seal import SecretSeal
from tests.event_delivery.certificates import contexts
from tests.event_delivery.consumer import BAD_GATEWAY, BROKEN, GONE, REFUSED, Script, consumer, hang_up, status
from tests.event_delivery.delivering import NOON, SEAL, A, Answers, Delivering, recipient, running

WEEK = timedelta(days=7)


def refusing(*event_ids: str, by: Script = REFUSED) -> Answers:
    return lambda event_id: by if event_id in event_ids else None


async def test_every_event_is_sent_once_in_the_order_of_its_order(delivering: Delivering) -> None:
    both = asyncio.Barrier(2)

    async def wait(event_id: str) -> None:
        if event_id in ("a-0", "b-0"):
            await both.wait()

    async with recipient(before=wait) as seen:
        await delivering.subscribe(seen.port, at_once=2)
        for _ in range(3):
            await delivering.tell("a", "b", "a", "c")

        assert await delivering.deliver() == Delivered()

        assert sorted(seen.accepted) == sorted(delivering.told)
        assert seen.first_accepted()["a"] == [f"a-{number}" for number in range(6)]
        assert (seen.most_at_once, seen.order_at_once) == (2, 1)
        view = await delivering.view()
        assert (view.behind, view.subscription.ahead, view.subscription.last_delivered_at) == (0, None, NOON)
        assert [(each.outcome, each.number) for each in await delivering.attempted()] == [(Outcome.DELIVERED, 1)] * 12

        await delivering.tell("a")
        await delivering.deliver()
        assert len(seen.sent) == 13


async def test_only_what_is_selected_is_sent(delivering: Delivering) -> None:
    async with recipient() as seen:
        await delivering.subscribe(seen.port, types=["orders.JoinCompleted"], regions=["KR-11"])
        await delivering.tell("a", event="JoinOrdered", region="KR-11")
        await delivering.tell("b", event="JoinCompleted", region="KR-26")
        await delivering.tell("c", event="JoinCompleted")
        await delivering.tell("d", event="JoinCompleted", region="KR-11")
        await delivering.tell("a", event="PersonalDataErased")

        await delivering.deliver()

        assert sorted(seen.sent) == ["a-1", "d-0"]
        assert (await delivering.view()).behind == 0


async def test_new_events_are_sent_while_an_activity_waits(delivering: Delivering) -> None:
    async with recipient() as seen:
        await delivering.subscribe(seen.port, start=Edge.END)
        waiting = asyncio.ensure_future(running(delivering.activities(), wait=60))
        await delivering.tell("a")

        async def came() -> bool:
            return seen.accepted == ["a-0"]

        await soon(came)
        await delivering.subscriptions.pause(A)
        assert await waiting == Delivered()
        assert await delivering.deliver() == Delivered(ended=True)


async def test_a_new_consumer_has_to_agree_first(delivering: Delivering) -> None:
    async with recipient() as seen:
        await delivering.subscribe(seen.port, agreed=False)
        await delivering.tell("a")

        assert await delivering.deliver() == Delivered()
        assert (await delivering.subscription()).state is SubscriptionState.ACTIVE
        assert "a-0" not in seen.sent
        await delivering.deliver()
        assert seen.accepted[-1] == "a-0"


async def test_a_consumer_that_does_not_agree_in_a_day_is_left_alone(delivering: Delivering) -> None:
    async with recipient(lambda _: REFUSED) as seen:
        await delivering.subscribe(seen.port, agreed=False)
        assert (await delivering.deliver()).again_after > 0
        delivering.clock.passes(hours=23)
        assert (await delivering.deliver()).again_after > 0
        delivering.clock.passes(hours=1)

        assert await delivering.deliver() == Delivered(ended=True)

        subscription = await delivering.subscription()
        assert (subscription.state, subscription.pause_reason) == (SubscriptionState.PAUSED, PauseReason.UNVERIFIED)


async def test_a_consumer_that_has_not_agreed_is_pinged_ten_times_a_minute_at_most(delivering: Delivering) -> None:
    async with recipient(lambda _: REFUSED) as seen:
        await delivering.subscribe(seen.port, agreed=False)
        await delivering.deliver()
        for name in ("b", "c"):
            delivering.clock.passes(seconds=2)
            await delivering.subscriptions.change(A, name=name)
            await delivering.deliver()
        assert await running(delivering.activities()) == Delivered(again_after=2)
        assert len(seen.sent) == 1

        delivering.clock.passes(seconds=2)
        await delivering.deliver()
        assert len(seen.sent) == 2


async def test_an_erasure_is_sent_after_what_holds_its_order(delivering: Delivering) -> None:
    refused = {"a-0"}
    async with recipient(lambda event_id: REFUSED if event_id in refused else None) as seen:
        await delivering.subscribe(seen.port, types=["orders.JoinOrdered"], regions=["KR-11"])
        await delivering.tell("a", region="KR-11")
        await delivering.tell("a", event="PersonalDataErased")
        await delivering.deliver()
        refused.clear()
        delivering.clock.passes(hours=1)
        await delivering.deliver()

        assert seen.accepted == ["a-0", "a-1"]


async def test_a_refused_event_holds_its_order_alone_and_nothing_is_left_out(delivering: Delivering) -> None:
    refused = {"a-1"}
    async with recipient(lambda event_id: REFUSED if event_id in refused else None) as seen:
        await delivering.subscribe(seen.port)
        await delivering.tell("a", "a", "a", "b", "b")

        assert await delivering.deliver() == Delivered()

        assert seen.first_accepted() == {"a": ["a-0"], "b": ["b-0", "b-1"]}
        view = await delivering.view()
        assert (view.behind, view.held, view.parked) == (0, 1, 0)
        [held] = (await delivering.held.list(A)).items
        assert (held.order_id, held.event_id, held.status) == ("a", "a-1", 400)

        await delivering.tell("a", "b")
        await delivering.deliver()
        assert seen.sent.count("a-1") == 1, "it is not time to try again"

        refused.clear()
        delivering.clock.passes(seconds=2)
        await delivering.deliver()
        assert seen.first_accepted() == {"a": [f"a-{n}" for n in range(4)], "b": [f"b-{n}" for n in range(3)]}
        assert (await delivering.view()).held == 0
        assert [each.number for each in await delivering.attempted() if each.event_id == "a-1"] == [1, 2]


async def test_a_changed_filter_selects_what_comes_before_the_event_that_holds_an_order(delivering: Delivering) -> None:
    works, both = False, asyncio.Barrier(2)

    async def wait(_: str) -> None:
        if not works:
            await both.wait()

    def answers(event_id: str) -> Script | None:
        return None if works else {"b-0": BAD_GATEWAY, "a-1": REFUSED}[event_id]

    async with recipient(answers, before=wait) as seen:
        await delivering.subscribe(seen.port, types=["orders.JoinCompleted"])
        await delivering.tell("b", event="JoinCompleted")
        await delivering.tell("a", event="JoinOrdered")
        await delivering.tell("a", event="JoinCompleted")
        await delivering.deliver()
        view = await delivering.view()
        assert (view.behind, view.held) == (3, 1), "the order is held ahead of the position"
        works = True

        await delivering.subscriptions.change(A, types=["orders.JoinCompleted"], regions=None)
        assert (await delivering.view()).held == 1, "it is the same filter"
        await delivering.subscriptions.change(A, types=None)
        await delivering.deliver()

        assert seen.first_accepted() == {"b": ["b-0"], "a": ["a-0", "a-1"]}
        assert (await delivering.view()).held == 0


async def test_an_order_that_is_refused_for_too_long_waits_for_a_person(delivering: Delivering) -> None:
    async with recipient(refusing("a-0", by=BROKEN)) as seen:
        await delivering.subscribe(seen.port)
        await delivering.tell("a", "a", "b")
        await delivering.deliver(patience=Patience(WEEK))
        delivering.clock.passes(days=6)
        await delivering.deliver(patience=Patience(WEEK))
        assert (await delivering.view()).parked == 0
        delivering.clock.passes(days=1)
        await delivering.deliver(patience=Patience(WEEK))
        assert (await delivering.view()).parked == 1

        delivering.clock.passes(days=1)
        await delivering.deliver()
        assert seen.sent.count("a-0") == 3
        await delivering.held.skip(A, "a")
        await delivering.deliver()
        assert seen.first_accepted() == {"a": ["a-1"], "b": ["b-0"]}
        assert (await delivering.view()).held == 0


@pytest.mark.parametrize(
    ("answer", "outcome", "failure"),
    [
        (BAD_GATEWAY, Outcome.UNREACHABLE, None),
        (status(404), Outcome.UNREACHABLE, None),
        (status(302, "Location: http://127.0.0.1:1/"), Outcome.UNREACHABLE, None),
        (hang_up, Outcome.UNREACHABLE, Failure.NOT_HTTP),
        (status(429), Outcome.THROTTLED, None),
    ],
)
async def test_a_consumer_that_does_not_work_is_waited_for(
    delivering: Delivering, answer: Script, outcome: Outcome, failure: Failure | None
) -> None:
    fails = True
    async with recipient(lambda _: answer if fails else None) as seen:
        await delivering.subscribe(seen.port, at_once=1)
        await delivering.tell("a", "b", "c")

        delivered = await delivering.deliver()

        assert not delivered.ended
        assert 0.5 <= delivered.again_after <= 1.5
        subscription = await delivering.subscription()
        assert (subscription.failing_since, subscription.failures) == (NOON, 1)
        assert (subscription.last_outcome, len(seen.sent)) == (outcome, 1)
        [attempt] = await delivering.attempted()
        assert (attempt.outcome, attempt.failure, attempt.number) == (outcome, failure, 1)

        delivering.clock.passes(minutes=50)
        assert 299 <= (await delivering.deliver()).again_after <= 901, "a fifth of 50 minutes, spread"
        fails = False
        delivering.clock.passes(seconds=1)
        assert await delivering.deliver() == Delivered()
        assert sorted(seen.accepted) == ["a-0", "b-0", "c-0"]
        subscription = await delivering.subscription()
        assert (subscription.failing_since, subscription.failures, subscription.retry_at) == (None, 0, None)
        assert [each.number for each in await delivering.attempted() if each.event_id == "a-0"] == [1, 2, 3]


async def test_a_consumer_that_demands_a_certificate_is_waited_for(
    delivering: Delivering, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, _ = contexts(tmp_path, "localhost")
    server.verify_mode = ssl.CERT_REQUIRED
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "consumer.pem"))
    async with consumer(tls=server) as seen:
        await delivering.subscribe(seen.port, origin="https://localhost")
        await delivering.tell("a")

        assert (await delivering.deliver()).again_after > 0

    subscription = await delivering.subscription()
    assert (subscription.failing_since, subscription.failures) == (NOON, 1)
    assert [attempt.failure for attempt in await delivering.attempted()] == [Failure.NOT_HTTP]


async def test_a_secret_that_cannot_be_read_is_shown_as_a_failure(delivering: Delivering) -> None:
    async with recipient() as seen:
        await delivering.subscribe(seen.port)
        await delivering.tell("a")
        delivering.begin_with(SecretSeal(PayloadKeys({"b": bytes(32)})))

        assert (await delivering.deliver()).again_after > 0

        subscription = await delivering.subscription()
        assert (subscription.failing_since, subscription.last_outcome) == (NOON, Outcome.UNREACHABLE)
        assert [attempt.failure for attempt in await delivering.attempted()] == [Failure.NOT_SIGNED]
        assert seen.sent == []
        delivering.begin_with(SEAL)
        await delivering.deliver()
        assert seen.accepted == ["a-0"]


@pytest.mark.parametrize("agreed", [True, False])
async def test_a_consumer_says_how_long_to_wait(delivering: Delivering, *, agreed: bool) -> None:
    async with recipient(lambda _: status(503, "Retry-After: 120")) as seen:
        await delivering.subscribe(seen.port, agreed=agreed)
        await delivering.tell("a")
        assert (await delivering.deliver()).again_after == 120


@pytest.mark.parametrize(
    ("answer", "fails_for", "reason"),
    [(BAD_GATEWAY, timedelta(days=5), PauseReason.UNREACHABLE), (GONE, timedelta(), PauseReason.GONE)],
)
async def test_a_subscription_is_paused_and_goes_on_where_it_was(
    delivering: Delivering, answer: Script, fails_for: timedelta, reason: PauseReason
) -> None:
    fails = True
    async with recipient(lambda _: answer if fails else None) as seen:
        await delivering.subscribe(seen.port)
        await delivering.tell("a", "a")
        if fails_for:
            await delivering.deliver()
            delivering.clock.time += fails_for

        assert await delivering.deliver() == Delivered(ended=True)

        subscription = await delivering.subscription()
        assert (subscription.state, subscription.pause_reason) == (SubscriptionState.PAUSED, reason)
        fails = False
        assert await delivering.deliver() == Delivered(ended=True)
        assert seen.accepted == []
        await delivering.subscriptions.resume(A)
        await delivering.deliver()
        assert seen.accepted == ["a-0", "a-1"]


async def test_nothing_is_sent_where_nothing_may_be_sent(
    delivering: Delivering, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with recipient() as seen:
        await delivering.subscribe(seen.port)
        await delivering.tell("a")
        object.__setattr__(delivering.pings.outgoing, "rules", TargetRules())

        assert (await delivering.deliver()).again_after > 0
        delivering.clock.passes(hours=1)
        assert await delivering.deliver() == Delivered(ended=True)

        assert (await delivering.subscription()).pause_reason is PauseReason.TARGET_FORBIDDEN
        assert seen.sent == []


async def test_an_address_has_to_be_forbidden_for_an_hour_whatever_failed_before(delivering: Delivering) -> None:
    allowed, forbidden = delivering.pings.outgoing.rules, TargetRules()

    async def deliver(rules: TargetRules, *, after: float) -> Delivered:
        object.__setattr__(delivering.pings.outgoing, "rules", rules)
        delivering.clock.passes(minutes=after)
        return await delivering.deliver()

    async with recipient(lambda _: BAD_GATEWAY) as seen:
        await delivering.subscribe(seen.port)
        await delivering.tell("a")
        for rules, after in ((allowed, 0), (forbidden, 120), (forbidden, 59), (allowed, 1), (forbidden, 1)):
            assert not (await deliver(rules, after=after)).ended
        assert not (await deliver(forbidden, after=59)).ended

        assert (await deliver(forbidden, after=1)).ended

    assert (await delivering.subscription()).pause_reason is PauseReason.TARGET_FORBIDDEN


async def test_a_consumer_that_refuses_everything_does_not_work(delivering: Delivering) -> None:
    async with recipient(lambda _: BROKEN) as seen:
        await delivering.subscribe(seen.port, at_once=1)
        await delivering.tell(*[f"o{number}" for number in range(10)])

        assert (await delivering.deliver()).again_after > 0

        view = await delivering.view()
        assert (len(seen.sent), view.held, view.subscription.failing_since) == (5, 4, NOON)
        # It still fails when all of its orders are held.
        for _ in range(4):
            await delivering.deliver()
        view = await delivering.view()
        assert (view.held, view.subscription.failing_since) == (10, NOON)


async def test_nothing_is_jumped_over_in_silence(delivering: Delivering) -> None:
    async with recipient() as seen:
        await delivering.subscribe(seen.port)
        await delivering.tell("a", "b")
        delivering.clock.passes(days=31)
        await delivering.log.prune(delivering.clock())
        await delivering.tell("c")

        assert await delivering.deliver() == Delivered(ended=True)

        assert (await delivering.subscription()).pause_reason is PauseReason.EVENTS_GONE
        await delivering.subscriptions.resume(A, Edge.BEGINNING)
        await delivering.deliver()
        assert seen.accepted == ["c-0"]


async def test_a_replay_sends_everything_again(delivering: Delivering) -> None:
    async with recipient() as seen:
        await delivering.subscribe(seen.port)
        await delivering.tell("a", "b", "a")
        await delivering.deliver()
        await delivering.subscriptions.replay(A, Edge.BEGINNING)
        await delivering.deliver()
        assert sorted(seen.accepted) == sorted(2 * delivering.told)


async def test_a_process_that_stops_ends_what_it_has_begun_and_begins_no_more(delivering: Delivering) -> None:
    environment = ActivityEnvironment()

    async def stop(_: str) -> None:
        environment.worker_shutdown()

    async with recipient(before=stop) as seen:
        await delivering.subscribe(seen.port, at_once=1)
        await delivering.tell("a", "b")
        assert await running(delivering.activities(), wait=60, environment=environment) == Delivered()
        assert seen.accepted == ["a-0"]
        await delivering.deliver()
        assert seen.sent == ["a-0", "b-0"]


async def test_a_few_orders_may_be_held_and_not_any_number(
    delivering: Delivering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_run, "MOST_HELD", 3)
    async with recipient(lambda event_id: None if event_id.startswith("ok") else REFUSED) as seen:
        await delivering.subscribe(seen.port, at_once=1)
        await delivering.tell("x1", "ok", "x2", "ok", "x3", "ok", "x4", "ok")

        assert (await delivering.deliver()).again_after > 0

        view = await delivering.view()
        assert (view.held, view.subscription.failing_since, seen.accepted) == (3, NOON, ["ok-0", "ok-1", "ok-2"])


async def test_what_is_deleted_ends(delivering: Delivering) -> None:
    async with recipient() as seen:
        await delivering.subscribe(seen.port)
        await delivering.subscriptions.delete(A)
    assert await delivering.deliver() == Delivered(ended=True)
    with pytest.raises(NotFound):
        await delivering.subscription()
