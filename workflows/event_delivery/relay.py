"""EventRelayWorkflow (이벤트 중계): copies the events of one context from its outbox to the log, forever.

The log keeps the position, and moves it together with what it appends. So nothing is lost and nothing is copied twice,
whoever is killed when, and if this workflow is terminated, a new one goes on.
"""

from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from domain.common.commands import Command
from domain.common.times import UNSET
from domain.event_delivery.relay import (
    APPEND_EVENTS,
    POSITION,
    PRUNE_EVENTS,
    READ_EVENTS,
    TELL_UNTOLD,
    TOLD_AGAIN_FOR,
    WORKFLOW_TYPE,
    AppendEvents,
    ReadEvents,
    Relay,
    TellUntold,
    gathering,
)
from workflows.common.activity_calls import execute

Input = TypeVar("Input")
Result = TypeVar("Result")

_ONE_TRY = timedelta(seconds=30)
_SILENCE = timedelta(seconds=15)
"""Heartbeat timeout of a read, which waits. It detects a worker that was killed."""
_RETRIES = RetryPolicy(maximum_interval=timedelta(seconds=10))
_FEW_TRIES = RetryPolicy(maximum_attempts=3)
_SEARCH_AGAIN = 60.0
"""Seconds after which a search that has failed goes on: about, because it does so between two reads."""
_ASKS_AGAIN = "asks for the position again"
"""Patch: a relay without new events asks the log for its position again."""
_OVERLAP = timedelta(minutes=1)
"""A search begins this much before the one before it began, because clocks differ."""


@workflow.defn(name=WORKFLOW_TYPE)
class EventRelayWorkflow:
    """Reads what is new and appends it. Each hour, it looks for what is missing, and deletes what is too old."""

    @workflow.run
    async def run(self, relay: Relay = Relay()) -> None:
        """Copy until the history is long, and go on in a new run."""
        self.relay = relay
        self.due = UNSET
        position = await self._position()
        while not workflow.info().is_continue_as_new_suggested():
            busy = await self._maintain()
            position = await self._copy(position, wait=0 if busy else relay.wait)
        workflow.continue_as_new(self.relay)

    async def _position(self) -> int:
        position = await _execute(POSITION, self.relay.source)
        self.asked_at = workflow.now()
        return position

    async def _copy(self, position: int, *, wait: float) -> int:
        """Copy the next events after a position. Return the new position."""
        relay, source = self.relay, self.relay.source
        last_event = relay.last_event if relay.last_number == position else ""
        asked_at = workflow.now()
        gather = min(wait, gathering(self.due, asked_at))
        self.due = asked_at + timedelta(seconds=gather)
        found = await _execute(
            replace(READ_EVENTS, context=source),
            ReadEvents(position, wait=wait, gather=gather, last_event=last_event),
            one_try=_ONE_TRY + timedelta(seconds=wait),
            silence=_SILENCE,
        )
        if found.lacking:
            self._tell_again()
        if not found.events and found.up_to <= position:
            return await self._asked_again(position)
        reached = await _execute(APPEND_EVENTS, AppendEvents(source, position, found.events, found.up_to))
        self.asked_at = workflow.now()
        if found.events:
            self.relay = replace(self.relay, last_number=found.up_to, last_event=found.events[-1].event_id)
        return reached

    async def _asked_again(self, position: int) -> int:
        """Return the position after a read that has found nothing: the log may have been set back meanwhile."""
        if workflow.now() - self.asked_at < timedelta(seconds=self.relay.ask_every):
            return position
        if not workflow.patched(_ASKS_AGAIN):
            return position
        return await self._position()

    def _tell_again(self) -> None:
        """Have everything of the last time told again. The search that is under way is made up for by the next one."""
        relay = self.relay
        began = relay.swept_at if relay.sweep is None or relay.sweep.again else relay.sweep.since
        self.relay = replace(relay, swept_at=began, sweep=TellUntold(workflow.now() - TOLD_AGAIN_FOR, again=True))

    async def _maintain(self) -> bool:
        """Do one piece of the hourly work, so that new events do not wait for all of it. Return whether there was one.

        Events are missing in the outbox if an order was last stored by a release that wrote none.
        """
        relay, now = self.relay, workflow.now()
        if relay.sweep is not None and now >= relay.sweep_from:
            await self._search(relay.sweep)
        elif relay.pruning:
            # If that fails, the next search makes up for it.
            deleted = await _try(PRUNE_EVENTS, "")
            self.relay = replace(relay, pruning=bool(deleted))
        elif relay.sweep is None and now - relay.swept_at >= timedelta(seconds=relay.sweep_every):
            since = max(relay.swept_at - _OVERLAP, UNSET)
            self.relay = replace(relay, swept_at=now, sweep=TellUntold(since))
        else:
            return False
        return True

    async def _search(self, page: TellUntold) -> None:
        """Search a page. If that fails, old events are deleted meanwhile, and the search goes on later."""
        relay = self.relay
        told = await _try(replace(TELL_UNTOLD, context=relay.source), page)
        if told is None:
            pause = timedelta(seconds=min(_SEARCH_AGAIN, relay.sweep_every))
            self.relay = replace(relay, sweep_from=workflow.now() + pause, pruning=True)
        else:
            following = replace(page, after=told.next) if told.next is not None else None
            self.relay = replace(relay, sweep=following, pruning=following is None)


async def _try(command: Command[Input, Result], command_input: Input) -> Result | None:
    """Have a piece of the hourly work done. After some tries in vain, log that and return `None`.

    New events wait for it, for one round of tries at most.
    """
    try:
        return await _execute(command, command_input, within=_ONE_TRY, retries=_FEW_TRIES)
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        cause = error.cause.type if isinstance(error.cause, ApplicationError) else type(error.cause).__name__
        workflow.logger.error("could not be done, and is tried again later: %s (%s)", command.summary, cause)
        return None


async def _execute(
    command: Command[Input, Result],
    command_input: Input,
    *,
    one_try: timedelta = _ONE_TRY,
    within: timedelta | None = None,
    silence: timedelta | None = None,
    retries: RetryPolicy = _RETRIES,
) -> Result:
    return await execute(command, command_input, one_try=one_try, within=within, silence=silence, retries=retries)
