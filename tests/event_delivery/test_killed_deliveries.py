"""Whatever a consumer answers, and whenever a process is killed: every event arrives, in the order of its order."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import groupby
from operator import itemgetter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from activities.event_delivery import delivery_run, journal, watch
from domain.common.errors import NotFound
from domain.event_delivery.answers import Failure, Outcome
from domain.event_delivery.delivery import Patience
from domain.event_delivery.subscriptions import Edge, PauseReason, SubscriptionState
from harness.waiting import PATIENCE, soon
from tests.event_delivery.consumer import (
    BAD_GATEWAY,
    BROKEN,
    GONE,
    OK,
    REFUSED,
    Script,
    hang_up,
    silent,
    status,
)
from tests.event_delivery.delivering import A, Delivering, Recipient, recipient, running
from tests.whole import examples, is_whole

AT_ONCE, BATCH = 3, 4
NEVER = Patience(timedelta(days=10_000))
ANSWER_WITHIN = 0.3
"""Seconds. If a machine is slow, more answers than the silent ones do not come in time."""


async def late(writer: asyncio.StreamWriter) -> None:
    """Answer after a moment."""
    await asyncio.sleep(ANSWER_WITHIN / 10)
    await OK(writer)


async def lost(writer: asyncio.StreamWriter) -> None:
    """Never answer, as one that has not even accepted the event."""
    await silent(writer)


ANSWERS: dict[str, Script] = {
    "204": OK,
    "late": late,
    "never": silent,
    "lost": lost,
    "400": REFUSED,
    "404": status(404),
    "410": GONE,
    "429": status(429, "Retry-After: 30"),
    "500": BROKEN,
    "502": BAD_GATEWAY,
    "nothing": hang_up,
}
ACCEPTING = (OK, late, silent)

FILTERS: dict[str, Sequence[str] | None] = {"all": None, "some": ["orders.JoinOrdered"]}
"""Filters that a person sets, by the name of the act."""

BATCHES = {"single events": 1, "batches": BATCH}
"""Largest numbers of events in a request that a person sets, by the name of the act."""

stories = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["JoinOrdered", "JoinCompleted"])), min_size=1, max_size=12
)
answers = st.dictionaries(st.sampled_from("abcd"), st.lists(st.sampled_from([*ANSWERS, "204", "204"]), max_size=8))
kills = st.lists(st.integers(1, 8), max_size=5)
acts = st.lists(st.sampled_from(["nothing", "retry", "skip", *FILTERS, *BATCHES]), max_size=8)


@pytest.fixture(autouse=True)
def saving_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "SAVE_EVERY", 0.0)


async def killed(delivering: Delivering, seen: Recipient, requests: int, meanwhile: Awaitable[None]) -> None:
    """Run the activity in a process that is killed with a request, unless it ends before."""
    before = len(seen.sent)
    process = asyncio.ensure_future(running(delivering.activities(NEVER)))
    await meanwhile

    async def enough() -> bool:
        return process.done() or len(seen.sent) >= before + requests

    await soon(enough, every=0.001)
    process.cancel()
    with suppress(asyncio.CancelledError):
        await process


class Person:
    """Does what Temporal and a person do after an activity, and notes what follows for each event."""

    def __init__(self, delivering: Delivering, seen: Recipient, acts: Iterable[str]) -> None:
        self.given_up: dict[str, int] = {}
        """Events, and how often each was sent before."""
        self.passed_over: set[str] = set()
        """Events that a filter did not select which counted since they were told."""
        self.unselected: set[str] = set()
        """Events that no filter has selected since they were told."""
        self._delivering = delivering
        self._seen = seen
        self._acts = iter(acts)
        self._types: dict[str, str] = {}
        self._filter: Sequence[str] | None = None

    async def tell(self, *told: tuple[str, str]) -> None:
        """Append events: of each, the order and what happened."""
        for event, group in groupby(told, key=itemgetter(1)):
            new = await self._delivering.tell(*(order_id for order_id, _ in group), event=event)
            self._types |= dict.fromkeys(new, f"orders.{event}")
            unselected = {event_id for event_id in new if not self._selects(event_id)}
            self.passed_over |= unselected
            self.unselected |= unselected

    async def go_on(self) -> None:
        """Wait, resume, and act."""
        delivering = self._delivering
        view, act = await delivering.view(), next(self._acts, "nothing")
        if view.subscription.state is SubscriptionState.PAUSED:
            await delivering.subscriptions.resume(A)
        if act in FILTERS:
            self._filter = FILTERS[act]
            await delivering.subscriptions.change(A, types=self._filter)
            self.passed_over |= {each for each in self._types if not self._selects(each)}
            self.unselected -= {each for each in self._types if self._selects(each)}
        elif act in BATCHES:
            await delivering.subscriptions.change(A, batch=BATCHES[act])
        elif act == "retry" and view.oldest_held:
            await delivering.held.retry(A, view.oldest_held.order_id)
        elif act == "skip" and view.oldest_held:
            await delivering.held.skip(A, view.oldest_held.order_id)
            event_id = view.oldest_held.event_id
            self.given_up[event_id] = self._seen.sent.count(event_id)
        delivering.clock.passes(minutes=20)  # each pause is over

    def _selects(self, event_id: str) -> bool:
        return self._filter is None or self._types[event_id] in self._filter


@pytest.mark.multiplied
@settings(
    max_examples=examples(12, whole=100),
    derandomize=not is_whole(),
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.target, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(stories, stories, answers, kills, acts, st.sampled_from([1, BATCH]), st.booleans())
async def test_every_event_arrives_in_the_order_of_its_order(
    delivering: Delivering,
    first: Sequence[tuple[str, str]],
    later: Sequence[tuple[str, str]],
    answers: Mapping[str, Sequence[str]],
    deaths: Sequence[int],
    acts: Sequence[str],
    batch: int,
    short: bool,
) -> None:
    left = {order_id: iter(scripts) for order_id, scripts in answers.items()}
    delivering.begin_anew()
    delivering.expect_answers(within=ANSWER_WITHIN)
    with suppress(NotFound):  # the example before has one, also if it has failed
        await delivering.subscriptions.delete(A)
    with pytest.MonkeyPatch.context() as patched:
        if short:
            patched.setattr(delivery_run, "WORK_FOR", 0.0)
        await _deliver_all(delivering, left, first, later, deaths, acts, batch)


async def _deliver_all(
    delivering: Delivering,
    left: Mapping[str, Iterator[str]],
    first: Sequence[tuple[str, str]],
    later: Sequence[tuple[str, str]],
    deaths: Sequence[int],
    acts: Sequence[str],
    batch: int,
) -> None:
    def answer(event_id: str) -> Script | None:
        script = ANSWERS[next(left.get(event_id.split("-")[0], iter(())), "204")]
        return None if script is OK else script

    async with recipient(answer, accepting=ACCEPTING) as seen:
        person = Person(delivering, seen, acts)
        await delivering.subscribe(seen.port, start=Edge.END, at_once=AT_ONCE, batch=batch)
        await person.tell(*first)
        for number, requests in enumerate(deaths):
            await killed(delivering, seen, requests, person.tell(*later[number : number + 1]))
            await person.go_on()
        await person.tell(*later[len(deaths) :])

        async def arrived() -> bool:
            await delivering.deliver(patience=NEVER)
            await person.go_on()
            view = await delivering.view()
            return view.behind == 0 and view.held == 0

        await soon(arrived, within=PATIENCE)

        accepted, expected = seen.first_accepted(), by_order(delivering.told)
        assert not set(seen.sent) & person.unselected
        # What a person has given up, or a filter has not selected at times, may have come before.
        steady = {each for each in delivering.told if each not in person.given_up and each not in person.passed_over}
        assert {order: [each for each in events if each in steady] for order, events in accepted.items()} == {
            order: [each for each in expected[order] if each in steady] for order in accepted
        }
        assert steady <= set(seen.accepted)
        assert {event_id: seen.sent.count(event_id) for event_id in person.given_up} == person.given_up
        assert seen.order_at_once == 1
        assert seen.most_at_once <= AT_ONCE
        assert max(map(len, seen.requests), default=0) <= BATCH
        attempts = await delivering.attempted()
        delivered = Counter(each.event_id for each in attempts if each.outcome is Outcome.DELIVERED)
        too_late = Counter(each.event_id for each in attempts if each.failure is Failure.TIMED_OUT)
        assert max(delivered.values(), default=1) == 1
        for event_id, times in Counter(seen.accepted).items():
            assert times <= delivered[event_id] + too_late[event_id] + len(deaths)
        assert seen.repeated <= too_late.total() + max(AT_ONCE, BATCH) * len(deaths)


def by_order(event_ids: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for event_id in event_ids:
        found.setdefault(event_id.split("-")[0], []).append(event_id)
    return found


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
