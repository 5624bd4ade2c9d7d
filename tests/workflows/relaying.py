"""Fake outbox of a relay, in memory, with the activities of the log on a real database."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import delete
from temporalio import activity
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.worker import Worker

from domain.common import contexts
from domain.event_delivery.log import EventFilter
from domain.event_delivery.relay import (
    APPEND_EVENTS,
    POSITION,
    PRUNE_EVENTS,
    READ_EVENTS,
    TELL_UNTOLD,
    AppendEvents,
    EventsRead,
    OutboxEvent,
    ReadEvents,
    Relay,
    TellUntold,
    Told,
)
from runtime.payload_codec import for_worker
from stores.common.database import Database
from stores.event_delivery.log import EventLog
from stores.event_delivery.tables import EVENT, EVENT_SOURCE
from stores.migration import migrate
from tests.encryption import guard
from tests.eventually import PATIENCE
from tests.workflows.faults import Faults
from tests.workflows.stage import replay, stumbled
from tests.workflows.waiting import eventually
from workflows.common.runner import sandbox
from workflows.event_delivery.relay import EventRelayWorkflow

AT_ONCE = 3
AT = datetime(2026, 11, 28, tzinfo=UTC)


@dataclass
class Source:
    """An outbox in memory, whose numbers have gaps, and the activities of the log on a real one."""

    log: EventLog
    database: Database
    """That of the log."""
    outbox: list[OutboxEvent] = field(default_factory=list)
    untold: list[OutboxEvent] = field(default_factory=list)
    """Events that are missing in the outbox."""
    lacking: int = 0
    """How many of the next reads are told that events are missing which are not kept any more."""
    reads: list[ReadEvents] = field(default_factory=list)
    sweeps: list[TellUntold] = field(default_factory=list)
    prunes: int = 0
    to_prune: int = 0
    faults: Faults = field(default_factory=Faults)

    def tell(self, *numbers: int) -> None:
        self.outbox += [OutboxEvent(f"e{number}", f"o{number}", 0, "JoinOrdered", AT, {}) for number in numbers]

    @activity.defn(name=READ_EVENTS.name)
    async def read(self, request: ReadEvents) -> EventsRead:
        self.reads.append(request)
        await self.faults.before(READ_EVENTS.name, "")
        if request.wait:
            await _moved(lambda: len(self.outbox) > request.after // 10, within=request.wait)
        first = request.after // 10
        found = self.outbox[first : first + AT_ONCE]
        await self.faults.after(READ_EVENTS.name, "")
        lacking, self.lacking = self.lacking, max(0, self.lacking - 1)
        return EventsRead(found, (first + len(found)) * 10, len(self.outbox) * 10, lacking > 0)

    @activity.defn(name=TELL_UNTOLD.name)
    async def tell_untold(self, request: TellUntold) -> Told:
        self.sweeps.append(request)
        await self.faults.before(TELL_UNTOLD.name, "")
        page, self.untold = self.untold[:1], self.untold[1:]
        self.outbox += page
        return Told(len(page), str(len(self.sweeps)) if self.untold else None)

    @activity.defn(name=POSITION.name)
    async def position(self, source: str) -> int:
        await self.faults.before(POSITION.name, "")
        return await self.log.position(source)

    @activity.defn(name=APPEND_EVENTS.name)
    async def append(self, request: AppendEvents) -> int:
        await self.faults.before(APPEND_EVENTS.name, "")
        position, _ = await self.log.append(request)
        await self.faults.after(APPEND_EVENTS.name, "")
        return position

    @activity.defn(name=PRUNE_EVENTS.name)
    async def prune(self, _: str) -> int:
        self.prunes += 1
        await self.faults.before(PRUNE_EVENTS.name, "")
        self.to_prune, pruned = max(0, self.to_prune - 10), min(10, self.to_prune)
        return pruned

    async def copied(self) -> list[str]:
        page = await self.log.read(None, EventFilter(), 500)
        return [json.loads(document)["id"] for document in page.documents]

    def told(self) -> list[str]:
        return [event.event_id for event in self.outbox]


async def _moved(condition: Any, *, within: float) -> None:
    """Wait as an outbox does: for a moment that a test does not depend on."""
    for _ in range(int(within / 0.02)):
        if condition():
            return
        activity.heartbeat()
        await asyncio.sleep(0.02)


@asynccontextmanager
async def source_in(directory: str) -> AsyncIterator[Source]:
    """Open a source whose log is in this directory."""
    url = f"sqlite:///{directory}/event-delivery.db"
    await migrate(contexts.EVENT_DELIVERY, url)
    database = Database(url, deadline_seconds=PATIENCE)
    try:
        yield Source(EventLog(database), database)
    finally:
        await database.dispose()


@asynccontextmanager
async def relaying(client: Client, source: Source, **policy: Any) -> AsyncIterator["WorkflowHandle[Any, Any]"]:
    """Run workers, and a relay, which is terminated at the end."""
    handle = await started(client, **policy)
    log = Worker(
        for_worker(client),
        task_queue=contexts.EVENT_DELIVERY,
        workflows=[EventRelayWorkflow],
        activities=[source.position, source.append, source.prune],
        workflow_runner=sandbox(strict=True),
        interceptors=[guard(client)],
    )
    outbox = Worker(
        for_worker(client),
        task_queue=contexts.ORDER_STATUS,
        activities=[source.read, source.tell_untold],
        interceptors=[guard(client)],
    )
    try:
        async with log, outbox:
            yield handle
    finally:
        await handle.terminate()
        history = await handle.fetch_history()
        assert not [event for event in history.events if stumbled(event) and not _cut_short(event)]
        await replay(history, converter=client.data_converter)


def _cut_short(event: HistoryEvent) -> bool:
    """Return whether a task was under way when the relay was terminated."""
    failed = event.workflow_task_failed_event_attributes.cause
    return failed == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND


async def started(client: Client, **policy: Any) -> "WorkflowHandle[Any, Any]":
    return await client.start_workflow(
        EventRelayWorkflow.run,
        Relay(contexts.ORDER_STATUS, **{"wait": 0.5, **policy}),
        id=uuid4().hex,
        task_queue=contexts.EVENT_DELIVERY,
    )


async def caught_up(source: Source) -> None:
    async def same() -> bool:
        return await source.copied() == source.told()

    await eventually(same)


async def set_back(source: Source) -> None:
    """Restore a backup of the log in which it is empty."""
    async with source.database.writing() as connection:
        for table in (EVENT, EVENT_SOURCE):
            await connection.execute(delete(table))


async def a_relay(client: Client) -> WorkflowHistory:
    """Run a relay that copies events, looks for missing ones, and deletes old ones."""
    with tempfile.TemporaryDirectory() as directory:
        async with source_in(directory) as source:
            source.tell(*range(4))
            source.untold = [OutboxEvent("e9", "o9", 0, "JoinOrdered", AT, {})]
            source.to_prune = 5
            async with relaying(client, source) as handle:

                async def maintained() -> bool:
                    return source.prunes == 2

                await eventually(maintained)
                await caught_up(source)
                return await handle.fetch_history()


async def an_idle_relay(client: Client) -> WorkflowHistory:
    """Run a relay to which nothing new is told, while the log is set back."""
    with tempfile.TemporaryDirectory() as directory:
        async with source_in(directory) as source:
            source.tell(0, 1)
            async with relaying(client, source, ask_every=0.2, swept_at=datetime.now(UTC)) as handle:
                await caught_up(source)
                await set_back(source)
                await caught_up(source)
                return await handle.fetch_history()


RELAYS: Mapping[str, Callable[[Client], Awaitable[WorkflowHistory]]] = {
    each.__name__: each for each in (a_relay, an_idle_relay)
}
"""Recorded relays."""
