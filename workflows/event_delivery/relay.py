"""EventRelayWorkflow (이벤트 중계): copies the events of one context from its outbox to the log, for ever.

The log keeps the position, and moves it together with what it appends. So nothing is lost and nothing is copied twice,
whoever is killed when, and if this workflow is terminated, a new one goes on.
"""

from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception

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
_OVERLAP = timedelta(minutes=1)
"""A search begins this much before the one before it began, because clocks differ."""


@workflow.defn(name=WORKFLOW_TYPE)
class EventRelayWorkflow:
    """Reads what is new and appends it. Once an hour, it looks for what is missing, and deletes what is too old."""

    @workflow.run
    async def run(self, relay: Relay = Relay()) -> None:
        """Copy until the history is long, and go on in a new run."""
        self.relay = relay
        self.read_at = UNSET
        position = await _execute(POSITION, relay.source)
        while not workflow.info().is_continue_as_new_suggested():
            busy = await self._maintain()
            position = await self._copy(position, wait=0 if busy else relay.wait)
        workflow.continue_as_new(self.relay)

    async def _copy(self, position: int, *, wait: float) -> int:
        """Copy the next events after a position. Return the new position."""
        source = self.relay.source
        found = await _execute(
            replace(READ_EVENTS, context=source),
            ReadEvents(position, wait=wait, gather=min(wait, gathering(self.read_at, workflow.now()))),
            one_try=_ONE_TRY + timedelta(seconds=wait),
            silence=_SILENCE,
        )
        if found.lacking:
            self._tell_again()
        if not found.events and found.up_to <= position:
            return position
        self.read_at = workflow.now()
        return await _execute(APPEND_EVENTS, AppendEvents(source, position, found.events, found.up_to))

    def _tell_again(self) -> None:
        """Have everything of the last time told again. The search that is under way is made up for by the next one."""
        relay = self.relay
        began = relay.sweep.since if relay.sweep is not None else relay.swept_at
        self.relay = replace(relay, swept_at=began, sweep=TellUntold(workflow.now() - TOLD_AGAIN_FOR, again=True))

    async def _maintain(self) -> bool:
        """Do one piece of the hourly work, so that new events do not wait for all of it. Return whether there was one.

        Events are missing in the outbox if an order was last stored by a release that wrote none.
        """
        relay, now = self.relay, workflow.now()
        if relay.sweep is not None:
            told = await _execute(replace(TELL_UNTOLD, context=relay.source), relay.sweep)
            following = replace(relay.sweep, after=told.next) if told.next is not None else None
            self.relay = replace(relay, sweep=following, pruning=following is None)
        elif relay.pruning:
            self.relay = replace(relay, pruning=await self._prune())
        elif now - relay.swept_at >= timedelta(seconds=relay.sweep_every):
            since = max(relay.swept_at - _OVERLAP, UNSET)
            self.relay = replace(relay, swept_at=now, sweep=TellUntold(since))
        else:
            return False
        return True

    async def _prune(self) -> bool:
        """Delete a batch of old events. Return whether there may be more.

        If that fails, the next hour's work makes up for it: new events wait for one round of tries at most.
        """
        try:
            deleted = await _execute(PRUNE_EVENTS, "", within=_ONE_TRY, retries=_FEW_TRIES)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.error("events that are kept no longer could not be deleted; trying again in an hour")
            return False
        return deleted > 0


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
