"""Whatever a consumer answers, and whenever a process is killed: every event arrives, in the order of its order."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from activities.event_delivery import journal
from domain.event_delivery.delivery import Patience
from domain.event_delivery.subscriptions import Edge, PauseReason, SubscriptionState
from harness.waiting import PATIENCE, soon
from tests.event_delivery.consumer import Script
from tests.event_delivery.delivering import A, Delivering, Recipient, recipient, running
from tests.event_delivery.test_delivery import BAD_GATEWAY, BROKEN, GONE, REFUSED, hang_up, status
from tests.whole import examples, is_whole

AT_ONCE = 3
NEVER = Patience(timedelta(days=10_000))
ANSWERS: dict[str, Script | None] = {
    "204": None,
    "400": REFUSED,
    "404": status(404),
    "410": GONE,
    "429": status(429, "Retry-After: 30"),
    "500": BROKEN,
    "502": BAD_GATEWAY,
    "nothing": hang_up,
}

lines = st.lists(st.sampled_from("abcd"), min_size=1, max_size=12)
answers = st.lists(st.sampled_from([*ANSWERS, "204", "204"]), max_size=25)
kills = st.lists(st.integers(1, 8), max_size=5)


@pytest.fixture(autouse=True)
def saving_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "SAVE_EVERY", 0.0)


async def killed(delivering: Delivering, seen: Recipient, requests: int) -> None:
    """Run the activity in a process that is killed with a request, unless it ends before."""
    before = len(seen.sent)
    process = asyncio.ensure_future(running(delivering.activities(NEVER)))

    async def enough() -> bool:
        return process.done() or len(seen.sent) >= before + requests

    await soon(enough, every=0.001)
    process.cancel()
    with suppress(asyncio.CancelledError):
        await process


async def go_on(delivering: Delivering) -> None:
    """Do what Temporal and a person do after an activity: wait, and resume."""
    if (await delivering.subscription()).state is SubscriptionState.PAUSED:
        await delivering.subscriptions.resume(A)
    delivering.clock.passes(hours=1)


@pytest.mark.multiplied
@settings(
    max_examples=examples(12, whole=300),
    derandomize=not is_whole(),
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.target, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(lines, lines, answers, kills)
async def test_every_event_arrives_in_the_order_of_its_order(
    delivering: Delivering, first: Sequence[str], later: Sequence[str], script: Sequence[str], deaths: Sequence[int]
) -> None:
    left: Iterator[str] = iter(script)
    delivering.begin_anew()
    async with recipient(lambda _: ANSWERS[next(left, "204")]) as seen:
        await delivering.subscribe(seen.port, start=Edge.END, at_once=AT_ONCE)
        await delivering.tell(*first)
        for requests in deaths:
            await killed(delivering, seen, requests)
            await go_on(delivering)
        await delivering.tell(*later)

        async def arrived() -> bool:
            await delivering.deliver(patience=NEVER)
            await go_on(delivering)
            view = await delivering.view()
            return view.behind == 0 and view.held == 0

        await soon(arrived, within=PATIENCE)

        expected: dict[str, list[str]] = {}
        for event_id in delivering.told:
            expected.setdefault(event_id.split("-")[0], []).append(event_id)
        assert seen.first_accepted() == expected
        assert seen.order_at_once == 1
        assert seen.most_at_once <= AT_ONCE
        assert seen.repeated <= AT_ONCE * len(deaths)
        await delivering.subscriptions.delete(A)


async def test_what_is_delivered_while_another_order_takes_long_is_not_sent_again(delivering: Delivering) -> None:
    begun, answer = asyncio.Event(), asyncio.Event()

    async def slow(event_id: str) -> None:
        if event_id == "a-0" and not begun.is_set():
            begun.set()
            await answer.wait()

    async with recipient(before=slow) as seen:
        await delivering.subscribe(seen.port, at_once=2)
        await delivering.tell("a", "b", "c", "b")
        process = asyncio.ensure_future(running(delivering.activities()))

        async def saved() -> bool:
            return (await delivering.subscription()).ahead is not None and len(seen.accepted) == 3

        await soon(saved)
        await soon(lambda: _len(delivering, 3))
        process.cancel()
        with suppress(asyncio.CancelledError):
            await process

        await delivering.deliver()
        assert seen.sent == ["a-0", "b-0", "c-0", "b-1", "a-0"]
        assert (await delivering.subscription()).ahead is None


async def _len(delivering: Delivering, number: int) -> bool:
    return len((await delivering.subscription()).ahead or ()) == number


async def test_a_later_run_silences_an_earlier_one(delivering: Delivering) -> None:
    """As after a process was frozen for so long that Temporal has given its work to another one."""
    frozen, goes_on = asyncio.Event(), asyncio.Event()
    held = 0

    async def freeze(_: str) -> None:
        nonlocal held
        if not frozen.is_set():
            held += 1
            if held == AT_ONCE:
                frozen.set()
            await goes_on.wait()

    async with recipient(before=freeze) as seen:
        await delivering.subscribe(seen.port, at_once=AT_ONCE)
        await delivering.tell(*"abcdef", *"abcdef")
        earlier = asyncio.ensure_future(running(delivering.activities()))
        await asyncio.wait_for(frozen.wait(), PATIENCE)
        await delivering.deliver()
        after = await delivering.subscription()
        attempts = await delivering.attempted()

        goes_on.set()
        await earlier

        assert len(seen.sent) == AT_ONCE + len(delivering.told)
        assert seen.repeated <= AT_ONCE
        assert await delivering.subscription() == after
        assert await delivering.attempted() == attempts


@pytest.mark.parametrize("act", ["pause", "replace the secret", "delete"])
async def test_no_request_begins_after_a_person_has_changed_something(delivering: Delivering, act: str) -> None:
    changed = asyncio.Event()

    async def change(_: str) -> None:
        if changed.is_set():
            return
        changed.set()
        if act == "pause":
            await delivering.subscriptions.pause(A)
        elif act == "delete":
            await delivering.subscriptions.delete(A)
        else:
            await delivering.pings.secrets.replace(A, "whsec_" + "A" * 43 + "=", timedelta())

    async with recipient(before=change) as seen:
        await delivering.subscribe(seen.port, at_once=1)
        await delivering.tell("a", "b")
        await delivering.deliver()
        assert seen.sent == ["a-0"]
        if act == "pause":
            assert (await delivering.subscription()).pause_reason is PauseReason.BY_PERSON
