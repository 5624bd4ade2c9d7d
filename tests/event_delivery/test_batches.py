"""What is sent to a consumer that takes several events in a request, and what its answer to them means."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from activities.event_delivery import delivery_run
from domain.event_delivery.answers import Outcome
from domain.event_delivery.delivery import Delivered, LoggedEvent
from domain.event_delivery.messages import batch
from harness.waiting import soon
from tests.event_delivery.consumer import BAD_GATEWAY, BROKEN, REFUSED, consumer
from tests.event_delivery.delivering import NOON, SECRET, A, Delivering, recipient, running
from tests.event_delivery.test_delivery import refusing


async def test_a_batch_has_the_next_events_of_all_orders_in_the_order_of_the_log(delivering: Delivering) -> None:
    async with recipient() as seen:
        await delivering.subscribe(seen.port, batch=4, at_once=4)
        await delivering.tell("a", "a", "b", "a", "c", "b")

        assert await delivering.deliver() == Delivered()

        assert seen.requests == [["a-0", "a-1", "b-0", "a-2"], ["c-0", "b-1"]]
        assert (seen.most_at_once, seen.order_at_once) == (1, 1)
        view = await delivering.view()
        assert (view.behind, view.subscription.ahead, view.subscription.last_delivered_at) == (0, None, NOON)
        attempts = await delivering.attempted()
        assert sorted(each.event_id for each in attempts) == sorted(delivering.told)
        assert {(each.outcome, each.number, each.status) for each in attempts} == {(Outcome.DELIVERED, 1, 204)}

        await delivering.tell("c")
        await delivering.deliver()
        assert seen.requests[2:] == [["c-1"]]


@pytest.mark.parametrize("events", [1, 3])
async def test_a_batch_is_signed_over_the_bytes_that_are_sent(delivering: Delivering, events: int) -> None:
    delivering.clock.time = datetime.now(UTC)
    async with consumer() as seen:
        await delivering.subscribe(seen.port, batch=3)
        await delivering.tell(*"abc"[:events])
        await delivering.deliver()

    headers = seen.headers()
    assert headers["content-type"] == "application/cloudevents-batch+json; charset=UTF-8"
    documents = Webhook(SECRET).verify(seen.bodies[-1], headers)
    first, last = int(documents[0]["sequence"]), int(documents[-1]["sequence"])
    assert headers["webhook-id"].startswith(f"batch-{first}-{last}-")
    assert [each["id"] for each in documents] == [f"{order}-0" for order in "abc"[:events]]
    assert seen.bodies[-1] == json.dumps(documents, ensure_ascii=False, separators=(",", ":")).encode()


def test_contents_that_are_not_the_same_have_not_the_same_id() -> None:
    first, between, last = (LoggedEvent(number, f"a-{number}", "a", NOON, f"[{number}]") for number in (1, 2, 3))

    assert batch([first, last]).message_id == batch([first, last]).message_id
    assert batch([first, last]).message_id != batch([first, between, last]).message_id
    assert "." not in batch([first, last]).message_id


async def test_of_a_refused_batch_the_refused_event_is_found(delivering: Delivering) -> None:
    async with recipient(refusing("b-0", by=BROKEN)) as seen:
        await delivering.subscribe(seen.port, batch=3)
        await delivering.tell("a", "b", "c", "d", "e", "b")

        assert await delivering.deliver() == Delivered()

        assert seen.requests == [["a-0", "b-0", "c-0"], ["a-0"], ["b-0"], ["c-0"], ["d-0", "e-0"]]
        view = await delivering.view()
        assert (view.behind, view.held, view.subscription.failing_since) == (0, 1, None)
        [held] = (await delivering.held.list(A)).items
        assert (held.event_id, held.status, held.attempts) == ("b-0", 500, 2)
        outcomes = {each.number: each.outcome for each in await delivering.attempted() if each.event_id == "a-0"}
        assert outcomes == {1: Outcome.REFUSED, 2: Outcome.DELIVERED}


async def test_what_was_held_is_sent_event_by_event(delivering: Delivering) -> None:
    refused = {"a-0"}
    async with recipient(lambda event_id: REFUSED if event_id in refused else None) as seen:
        await delivering.subscribe(seen.port, batch=5)
        await delivering.tell("a", "b", "a")
        await delivering.deliver()
        refused.clear()
        delivering.clock.passes(hours=1)
        await delivering.tell("c", "a", "d")

        await delivering.deliver()

        assert seen.requests[3:] == [["a-0"], ["a-1"], ["a-2"], ["c-0", "d-0"]]
        assert (await delivering.view()).held == 0


async def test_a_consumer_that_takes_no_batches_is_sent_single_events(delivering: Delivering) -> None:
    async with recipient(batches=False) as seen:
        await delivering.subscribe(seen.port, batch=2)
        await delivering.tell("a", "b", "a")

        assert await delivering.deliver() == Delivered()

        assert seen.accepted == ["a-0", "b-0", "a-1"]
        assert (await delivering.view()).held == 0


async def test_what_was_refused_as_a_batch_is_sent_event_by_event_also_by_a_later_run(
    delivering: Delivering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise, a consumer that is sent few requests a minute would be sent the same batch again and again."""
    monkeypatch.setattr(delivery_run, "WORK_FOR", 0.0)
    async with recipient(refusing("b-0")) as seen:
        await delivering.subscribe(seen.port, batch=3)
        await delivering.tell("a", "b", "c", "d", "e")
        for _ in range(5):
            await delivering.deliver()

        assert seen.requests == [["a-0", "b-0", "c-0"], ["a-0"], ["b-0"], ["c-0"], ["d-0", "e-0"]]


async def test_a_consumer_that_comes_back_is_sent_small_batches_at_first(delivering: Delivering) -> None:
    works = False
    async with recipient(lambda _: None if works else BAD_GATEWAY) as seen:
        await delivering.subscribe(seen.port, batch=5)
        await delivering.tell("a", "a", "b", "b", "a", "b", "c", "d", "e")
        assert (await delivering.deliver()).again_after > 0
        assert (await delivering.subscription()).failures == 1
        works = True
        delivering.clock.passes(hours=1)
        await delivering.deliver()

        assert list(map(len, seen.requests)) == [5, 1, 2, 4, 2]
        assert seen.accepted == delivering.told
        numbers = sorted(each.number for each in await delivering.attempted())
        assert numbers == [1] * 9 + [2] * 5


async def test_events_that_come_while_a_batch_is_under_way_are_in_the_next(delivering: Delivering) -> None:
    begun, answer = asyncio.Event(), asyncio.Event()

    async def slow(_: str) -> None:
        begun.set()
        await answer.wait()

    async with recipient(before=slow) as seen:
        await delivering.subscribe(seen.port, batch=10)
        await delivering.tell("a")
        process = asyncio.ensure_future(running(delivering.activities()))
        await begun.wait()
        await delivering.tell("b", "a")
        answer.set()
        await process

        async def accepted() -> bool:
            await delivering.deliver()
            return len(seen.accepted) == 3

        await soon(accepted)
        assert seen.requests == [["a-0"], ["b-0", "a-1"]]
