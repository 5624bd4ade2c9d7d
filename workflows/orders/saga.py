"""What carries an order's story, whatever the story is: waiting, trying, taking a cancel, showing."""

import asyncio
from collections.abc import Callable
from typing import TypeVar
from unicodedata import category

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ActivityError

from domain.common import contexts
from domain.common.actors import SYSTEM
from domain.common.commands import Command
from domain.orders import Attention, AttentionReason, CancelRequest, Event, Subscription
from workflows.common.decisions import Report
from workflows.common.steps import Step
from workflows.orders import visibility
from workflows.orders.publication import Projector

Input = TypeVar("Input")
Result = TypeVar("Result")

_UNAVAILABLE = {
    contexts.MANAGEMENT_CENTER: AttentionReason.MANAGEMENT_CENTER_UNAVAILABLE,
    contexts.INSTALLATION: AttentionReason.INSTALLATION_UNAVAILABLE,
}
_LONGEST_TEXT = 200
"""Characters of a reason; what reaches the workflow past the API is not bounded by it."""
_UNSTORABLE = ("Cc", "Cs")
"""Unicode's control characters and lone surrogates."""


class Interrupted(Exception):
    """A cancel was taken: whatever the saga was doing, it stops and compensates."""


class Saga:
    """The order, how far it may still be cancelled, and the ways in which its story waits and shows itself."""

    def __init__(self, subscription: Subscription) -> None:
        self.order = subscription.order
        self.policy = subscription.policy
        self.cancellation: CancelRequest | None = None
        self.completion: Report | None = None
        """The point of no return: once it is there, no cancel is taken any more."""
        self.freed = True
        """No window is kept for an order that has been cancelled."""
        self.projector = Projector(self.order, self.policy)
        self._shown: dict[SearchAttributeKey[str], str | None] = {
            visibility.ORDER_STATUS: self.order.status.value,
        }
        self._shown_version = self.order.version
        workflow.set_current_details(visibility.details(self.order))

    @property
    def cancel_asked(self) -> bool:
        """A cancel has been taken, or Temporal's own cancellation request has come in time to be."""
        if self.completion is not None:
            return False
        return self.cancellation is not None or workflow.cancellation_reason() is not None

    def take_cancel(self, request: CancelRequest) -> bool:
        """Write a cancel down, or that it is too late. Cancelling twice is cancelling once."""
        by, reason = self.actor(request.by), bounded(request.reason)
        if self.completion is None:
            self.cancellation = self.cancellation or CancelRequest(by, reason)
            return True
        if all(entry.event != Event.ORDER_CANCEL_REJECTED for entry in self.order.history):
            self.record(Event.ORDER_CANCEL_REJECTED, by=by, detail=reason)
            self.show()
        return False

    def actor(self, by: str) -> str:
        """Who it was, as the history says it."""
        return self.order.actor(bounded(by) or SYSTEM)

    def record(self, event: Event, *, by: str = SYSTEM, detail: str | None = None) -> None:
        """Note an event: the one way in which status and history change."""
        self.order.record(event, at=workflow.now(), by=by, detail=detail)
        workflow.set_current_details(visibility.details(self.order))

    def ask_for_attention(self, reason: AttentionReason, detail: str | None = None) -> None:
        """Ask for a person; the time of the first asking for this reason is kept."""
        if self.order.attention is None or self.order.attention.reason != reason:
            self._set_attention(Attention(reason, workflow.now(), detail))

    def clear_attention(self) -> None:
        """Nobody is needed any more."""
        self._set_attention(None)

    def show(self) -> None:
        """Bring search attributes and projection up to date, together."""
        if self._shown_version == self.order.version:
            return
        if changes := visibility.changes(self._shown, self.order):
            workflow.upsert_search_attributes(changes)
        self._shown, self._shown_version = visibility.attributes(self.order), self.order.version
        self.projector.project()

    async def wait(self, until: Callable[[], bool], *, shielded: bool = False) -> None:
        """Wait for a condition: the one place in which `run` waits.

        A cancel, however it comes, is state that the condition reads; `CancelledError` only wakes it up.

        Args:
            shielded: Wait through a cancel, too.

        Raises:
            Interrupted: a cancel was taken.
        """

        def interrupted() -> bool:
            return self.cancel_asked and not shielded

        while not (interrupted() or until()):
            try:
                await workflow.wait_condition(lambda: interrupted() or until())
            except asyncio.CancelledError:
                self._take_native_cancel()
        if interrupted():
            self._take_native_cancel()
            raise Interrupted

    def begin(self, command: Command[Input, Result], asked: Input) -> Step[Input, Result]:
        """Start a step that `finish` will wait for."""
        return Step(command, asked, self.policy)

    async def step(self, command: Command[Input, Result], asked: Input, *, shielded: bool = False) -> Result:
        """Have another context do its part, for as long as that takes; not begun when a cancel is there already.

        Raises:
            Interrupted: a cancel was taken; the step has been told to stop, and may have been done all the same.
        """
        if self.cancel_asked and not shielded:
            self._take_native_cancel()
            raise Interrupted
        return await self.finish(self.begin(command, asked), shielded=shielded)

    async def finish(self, step: Step[Input, Result], *, shielded: bool = False) -> Result:
        """Wait until a step is done.

        When its first, bounded try ends without success a person is asked for, and the step goes on without limit.

        Raises:
            Interrupted: as `step`.
        """
        unavailable, before = False, self.order.attention
        while True:
            try:
                await self.wait(step.handle.done, shielded=shielded)
                answer = step.handle.result()
            except Interrupted:
                step.give_up()
                raise
            except ActivityError:
                if not unavailable:
                    unavailable, before = True, self.order.attention
                self.ask_for_attention(_UNAVAILABLE[step.command.context])
                self.show()
                step.try_on()
            else:
                if unavailable:
                    self._set_attention(before)
                    self.show()
                return answer

    async def settled(self) -> None:
        """Wait until the last state is projected (or given up) and everybody who asked has been answered."""
        self.show()
        self.projector.close()
        await self.wait(lambda: self.projector.idle and workflow.all_handlers_finished(), shielded=True)

    def _take_native_cancel(self) -> None:
        reason = workflow.cancellation_reason()
        if reason is not None and self.cancellation is None:
            self.take_cancel(CancelRequest(by=SYSTEM, reason=reason or None))

    def _set_attention(self, attention: Attention | None) -> None:
        self.order.ask_for_attention(attention, at=workflow.now())
        workflow.set_current_details(visibility.details(self.order))


def bounded(text: str | None) -> str | None:
    """A text from outside, cut to what the API would have let through: no database refuses it."""
    return text and "".join(sign for sign in text[:_LONGEST_TEXT] if category(sign) not in _UNSTORABLE)
