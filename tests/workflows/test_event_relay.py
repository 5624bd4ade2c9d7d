"""The relay copies every event of a source once and in order, whatever fails or is killed in between."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowHistory

from domain.common.times import UNSET
from domain.event_delivery.relay import (
    APPEND_EVENTS,
    POSITION,
    PRUNE_EVENTS,
    READ_EVENTS,
    TELL_UNTOLD,
    TOLD_AGAIN_FOR,
    OutboxEvent,
    gathering,
)
from tests.workflows.relaying import AT, AT_ONCE, Source, caught_up, relaying, set_back, source_in, started
from tests.workflows.waiting import eventually


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[Source]:
    async with source_in(str(tmp_path)) as source:
        yield source


async def test_every_event_is_copied_once_and_in_order_through_many_runs(client: Client, source: Source) -> None:
    source.tell(*range(30))
    async with relaying(client, source) as handle:
        first = handle.first_execution_run_id
        await caught_up(source)
        for number in range(30, 60, 5):
            source.tell(*range(number, number + 5))
            await caught_up(source)

        async def in_a_later_run() -> bool:
            return (await handle.describe()).run_id != first

        await eventually(in_a_later_run)
        source.tell(60)
        await caught_up(source)


@pytest.mark.parametrize(("ago", "seconds"), [(0, 0.9), (0.25, 0.65), (0.9, 0.0), (3600, 0.0), (-5, 0.9)])
def test_a_read_gathers_until_some_time_after_the_end_of_the_one_before(ago: float, seconds: float) -> None:
    now = datetime(2026, 11, 28, 12, tzinfo=UTC)

    assert gathering(now - timedelta(seconds=ago), now) == pytest.approx(seconds)
    assert gathering(UNSET, now) == 0


def asked_times(history: WorkflowHistory) -> Iterator[datetime]:
    """Return the workflow times at which reads are asked for."""
    now = UNSET
    for event in history.events:
        if event.HasField("workflow_task_started_event_attributes"):
            now = event.event_time.ToDatetime(UTC)
        elif event.activity_task_scheduled_event_attributes.activity_type.name == READ_EVENTS.name:
            yield now


async def test_reads_end_some_time_apart_however_long_their_answers_take(client: Client, source: Source) -> None:
    source.tell(*range(5 * AT_ONCE))
    async with relaying(client, source, wait=2.0, swept_at=datetime.now(UTC)) as handle:
        await caught_up(source)
        asked = [*asked_times(await handle.fetch_history())]

    due = UNSET
    for asked_at, read in zip(asked[:5], source.reads[:5], strict=True):
        assert read.gather == pytest.approx(gathering(due, asked_at), abs=1e-3)
        due = asked_at + timedelta(seconds=read.gather)


async def test_a_read_names_the_last_event_that_was_copied(client: Client, source: Source) -> None:
    source.tell(*range(AT_ONCE))
    async with relaying(client, source, swept_at=datetime.now(UTC)):
        await caught_up(source)
        source.tell(AT_ONCE)
        await caught_up(source)
        reads = len(source.reads)

        async def read_again() -> bool:
            return len(source.reads) > reads + 1

        await eventually(read_again)

    named = {read.after: read.last_event for read in source.reads}
    assert named == {0: "", AT_ONCE * 10: f"e{AT_ONCE - 1}", (AT_ONCE + 1) * 10: f"e{AT_ONCE}"}


async def test_an_idle_relay_sees_that_the_log_was_set_back(client: Client, source: Source) -> None:
    source.tell(*range(AT_ONCE))
    async with relaying(client, source, ask_every=0.2) as handle:
        await caught_up(source)
        await set_back(source)
        await caught_up(source)
        first_run = client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
        history = await first_run.fetch_history()

    # Each run begins with it, and a relay at rest has one run for hours.
    begun = [event.activity_task_scheduled_event_attributes.activity_type.name for event in history.events]
    assert begun.count(POSITION.name) > 1


@pytest.mark.parametrize(
    ("command", "done"),
    [
        (APPEND_EVENTS.name, False),
        (APPEND_EVENTS.name, True),
        (READ_EVENTS.name, False),
        (READ_EVENTS.name, True),
        (POSITION.name, False),
    ],
)
async def test_what_fails_is_tried_again_and_copies_nothing_twice(
    client: Client, source: Source, command: str, done: bool
) -> None:
    source.faults.fail(command, times=2, done=done)
    source.tell(*range(7))
    async with relaying(client, source):
        await caught_up(source)


async def test_two_relays_of_one_source_copy_once(client: Client, source: Source) -> None:
    """A relay that was terminated may still have an activity under way, and another one was started."""
    source.tell(*range(20))
    async with relaying(client, source):
        other = await started(client)
        await caught_up(source)
        source.tell(*range(20, 40))
        await caught_up(source)
        await other.terminate()

    assert len(await source.copied()) == 40


async def test_what_is_missing_in_the_outbox_is_looked_for_at_first_and_again_and_again(
    client: Client, source: Source
) -> None:
    source.tell(100)
    source.untold = [OutboxEvent(f"e{number}", f"o{number}", 0, "JoinOrdered", AT, {}) for number in range(3)]
    source.to_prune = 25
    async with relaying(client, source):

        async def maintained() -> bool:
            return source.prunes == 4

        await eventually(maintained)
        await caught_up(source)
        assert [(sweep.since, sweep.after) for sweep in source.sweeps] == [(UNSET, None), (UNSET, "1"), (UNSET, "2")]
        # The next hour has not come.
        source.tell(101)
        await caught_up(source)
        assert len(source.sweeps) == 3


async def test_the_next_search_begins_where_the_last_one_did_less_a_moment(client: Client, source: Source) -> None:
    before = datetime.now(UTC) - timedelta(hours=1)
    async with relaying(client, source, swept_at=before, sweep_every=0.2):

        async def searched() -> bool:
            return len(source.sweeps) >= 2

        await eventually(searched)

    first, second, *_ = source.sweeps
    assert first.since == before - timedelta(minutes=1)
    assert second.since > before


@pytest.mark.parametrize("times", [1, 2])
async def test_what_a_log_has_lost_is_told_again_and_the_search_that_was_under_way_is_made_up_for(
    client: Client, source: Source, times: int
) -> None:
    source.untold = [OutboxEvent(f"e{number}", f"o{number}", 0, "JoinOrdered", AT, {}) for number in range(4)]
    source.lacking = times
    source.tell(100)
    async with relaying(client, source):

        async def searched() -> bool:
            return {sweep.again for sweep in source.sweeps} == {False, True} and not source.sweeps[-1].again

        await eventually(searched)
        await caught_up(source)

    again = next(sweep for sweep in source.sweeps if sweep.again)
    assert again.since < datetime.now(UTC) - TOLD_AGAIN_FOR < again.since + timedelta(hours=1)
    assert source.sweeps[-1].since == UNSET


async def test_new_events_do_not_wait_until_everything_was_looked_at(client: Client, source: Source) -> None:
    source.untold = [OutboxEvent(f"e{number}", f"o{number}", 0, "JoinOrdered", AT, {}) for number in range(10**4)]
    source.tell(10**5)
    async with relaying(client, source):

        async def copied() -> bool:
            return f"e{10**5}" in await source.copied()

        await eventually(copied)
        assert source.untold


@pytest.mark.parametrize("command", [TELL_UNTOLD.name, PRUNE_EVENTS.name])
async def test_events_are_copied_although_a_piece_of_the_hourly_work_fails(
    client: Client, source: Source, command: str
) -> None:
    source.faults.fail(command, times=10**6)
    async with relaying(client, source):

        async def pruned() -> bool:
            return source.prunes > 0

        await eventually(pruned)
        source.tell(*range(7))
        await caught_up(source)
        assert len(source.sweeps) <= 3
        assert source.prunes <= 3


async def test_a_search_that_has_failed_goes_on_where_it_was(client: Client, source: Source) -> None:
    source.untold = [OutboxEvent(f"e{number}", f"o{number}", 0, "JoinOrdered", AT, {}) for number in range(3)]
    source.faults.fail(TELL_UNTOLD.name, times=4)
    async with relaying(client, source, sweep_every=0.2):

        async def found() -> bool:
            return not source.untold

        await eventually(found)
        await caught_up(source)

    assert all(sweep.since == UNSET for sweep in source.sweeps[:7])
    assert [sweep.after for sweep in source.sweeps[:7]] == [None] * 5 + ["5", "6"]


async def test_old_events_that_could_not_be_deleted_are_deleted_the_next_time(client: Client, source: Source) -> None:
    source.faults.fail(PRUNE_EVENTS.name, times=4)
    source.to_prune = 25
    async with relaying(client, source, sweep_every=0.2):

        async def deleted() -> bool:
            return source.to_prune == 0

        await eventually(deleted)
