"""Whatever a consumer answers, and whenever a process is killed: every event arrives, in the order of its order."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from activities.event_delivery import journal, watch
from domain.event_delivery.delivery import Delivered, Patience
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
    max_examples=examples(12, whole=100),
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


@pytest.mark.parametrize("given_up", [False, True])
async def test_what_was_held_and_is_delivered_or_given_up_is_not_sent_again(
    delivering: Delivering, *, given_up: bool
) -> None:
    """An earlier event of another order is under way all the time, so the position stays before both."""
    answer, refused = asyncio.Event(), {"b-0"}

    async def slow(event_id: str) -> None:
        if event_id == "a-0":
            await answer.wait()

    async def process(*, held: int) -> None:
        """Run a process until so many orders are held, and kill it."""
        process = asyncio.ensure_future(running(delivering.activities()))

        async def so_many_are_held() -> bool:
            return (await delivering.view()).held == held

        await soon(so_many_are_held)
        process.cancel()
        with suppress(asyncio.CancelledError):
            await process

    async with recipient(lambda event_id: REFUSED if event_id in refused else None, before=slow) as seen:
        await delivering.subscribe(seen.port)
        await delivering.tell("a", "b")
        await process(held=1)
        refused.clear()
        if given_up:
            await delivering.held.skip(A, "b")
        else:
            delivering.clock.passes(hours=1)
            await process(held=0)
        await delivering.tell("b")
        answer.set()
        await delivering.deliver()

        assert seen.sent.count("b-0") == (1 if given_up else 2)
        assert set(seen.accepted) == {"a-0", "b-1"} | (set() if given_up else {"b-0"})


@pytest.mark.parametrize(("place", "save_every"), [("before it looks", 1000.0), ("before it saves", 0.0)])
async def test_a_process_that_was_frozen_sends_and_writes_nothing_more(
    delivering: Delivering, monkeypatch: pytest.MonkeyPatch, place: str, save_every: float
) -> None:
    """Temporal has given its work to another process meanwhile."""
    monkeypatch.setattr(journal, "SAVE_EVERY", save_every)
    monkeypatch.setattr(watch, "LOOK_EVERY", 0.0)
    frozen, goes_on = asyncio.Event(), asyncio.Event()
    activities = delivering.activities()

    def freezing(method: Callable[..., Awaitable[Any]], *, passes: int) -> Callable[..., Awaitable[Any]]:
        times = iter(range(passes))

        async def freeze(*given: Any, **named: Any) -> Any:
            if next(times, None) is None:
                frozen.set()
                await goes_on.wait()
            return await method(*given, **named)

        return freeze

    if place == "before it looks":
        monkeypatch.setattr(activities.watch, "look", freezing(activities.watch.look, passes=1))
    else:
        monkeypatch.setattr(activities.store, "save", freezing(activities.store.save, passes=0))
    async with recipient() as seen:
        await delivering.subscribe(seen.port, at_once=AT_ONCE)
        await delivering.tell(*"abcdef", *"abcdef")
        earlier = asyncio.ensure_future(running(activities))
        await asyncio.wait_for(frozen.wait(), PATIENCE)
        await delivering.deliver()
        after, attempts = await delivering.subscription(), await delivering.attempted()

        goes_on.set()
        assert await earlier == Delivered()

        assert len(seen.sent) <= len(delivering.told) + AT_ONCE
        assert seen.repeated <= AT_ONCE
        assert await delivering.subscription() == after
        assert await delivering.attempted() == attempts


@pytest.mark.parametrize("act", ["pause", "replace the secret", "delete"])
async def test_no_request_begins_after_a_person_has_changed_something(
    delivering: Delivering, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    """In truth, what was seen counts for a quarter of a second."""
    monkeypatch.setattr(journal, "SAVE_EVERY", 1000.0)
    monkeypatch.setattr(watch, "LOOK_EVERY", 0.0)
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
