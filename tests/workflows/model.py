"""A model of the rules, without the saga: the result of several simultaneous messages to an order."""

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.orders import OrderStatus
from tests.workflows.contexts import FIRST, window
from tests.workflows.placed import Placed, Way

RESCHEDULED = window(3)


class Say(StrEnum):
    """The messages to an order whose installation is requested from engineer e1."""

    ACCEPT = "accept"
    DECLINE = "decline"
    COMPLETE = "complete"
    START = "start"
    INCOMPLETE = "incomplete"
    ASSIGN = "assign"
    RESCHEDULE = "reschedule"
    RECONSIDER = "reconsider"
    UPDATE = "cancel (update)"
    SIGNAL = "cancel (signal)"
    NATIVE = "cancel (request)"

    @property
    def cancel(self) -> bool:
        """Whether the message is a cancel."""
        return self in _WAYS

    def to(self, order: Placed) -> Coroutine[Any, Any, object]:
        """Send the message."""
        match self:
            case Say.ACCEPT:
                return order.accept()
            case Say.DECLINE:
                return order.decline()
            case Say.COMPLETE:
                return order.complete()
            case Say.START:
                return order.start()
            case Say.INCOMPLETE:
                return order.incomplete()
            case Say.ASSIGN:
                return order.assign("e2")
            case Say.RESCHEDULE:
                return order.reschedule(RESCHEDULED)
            case Say.RECONSIDER:
                return order.reconsider(1)
            case _:
                return order.cancel(_WAYS[self])


_WAYS = {Say.UPDATE: Way.UPDATE, Say.SIGNAL: Way.SIGNAL, Say.NATIVE: Way.NATIVE}
_WISHES = {Say.ASSIGN, Say.RESCHEDULE}
_ILLEGAL = "IllegalTransition"
_TOO_LATE = "OrderCancelRejected"


@dataclass
class Model:
    """An order, and the messages that it received before any was carried out."""

    accepted: bool = False
    """Whether the order was accepted before these messages."""
    taken: list[Say] = field(default_factory=list)
    too_late: bool = False
    """Whether a cancel was refused."""

    def say(self, said: Sequence[Say]) -> dict[Say, str | None]:
        """Handle all messages in one workflow task: signals first, the native cancel last. Returns the refusals."""
        ranks = {Say.SIGNAL: 0, Say.NATIVE: 2}
        answers = {say: self._hear(say) for say in sorted(said, key=lambda say: ranks.get(say, 1))}
        if self.cancelled:
            pending = {Say.DECLINE, Say.START, Say.INCOMPLETE} | _WISHES | (set() if self.accepted else {Say.ACCEPT})
            answers |= dict.fromkeys(pending & answers.keys(), _ILLEGAL)
        # Nobody waits for the answer of these.
        return answers | dict.fromkeys({Say.SIGNAL, Say.NATIVE} & answers.keys())

    @property
    def cancelled(self) -> bool:
        return any(say.cancel for say in self.taken)

    @property
    def ends(self) -> tuple[OrderStatus, str | None, datetime | None]:
        """The final status, engineer and visit, if no further message comes."""
        taken = set(self.taken)
        if self.cancelled:
            return OrderStatus.ORDER_CANCELED, None, None
        if Say.COMPLETE in taken:
            return OrderStatus.JOIN_COMPLETED, "e1", FIRST
        if Say.INCOMPLETE in taken and not taken & _WISHES:
            return OrderStatus.AWAITING_RESCHEDULE, "e1", None
        if taken & {Say.DECLINE, Say.RECONSIDER, *_WISHES}:
            engineer_id = "e2" if taken & {Say.ASSIGN, Say.DECLINE} else "e1"
            return OrderStatus.INSTALLATION_REQUESTED, engineer_id, RESCHEDULED if Say.RESCHEDULE in taken else FIRST
        if self.accepted or Say.ACCEPT in taken:
            return OrderStatus.INSTALLATION_ACCEPTED, "e1", FIRST
        return OrderStatus.INSTALLATION_REQUESTED, "e1", FIRST

    def _hear(self, say: Say) -> str | None:
        refusal = self._refusal(say)
        if refusal is None:
            self.taken.append(say)
        elif refusal == _TOO_LATE:
            self.too_late = True
        return refusal

    def _refusal(self, say: Say) -> str | None:
        taken = set(self.taken)
        if say.cancel:
            return _TOO_LATE if Say.COMPLETE in taken else None
        if say is Say.RECONSIDER and taken & _WISHES:
            return None
        if self.cancelled or self._too_late_for(say, taken):
            return _ILLEGAL
        accepted, wished = self.accepted or Say.ACCEPT in taken, taken & {Say.RECONSIDER, *_WISHES}
        match say:
            case Say.ACCEPT if self.accepted:
                return None
            case Say.ACCEPT | Say.DECLINE if accepted or Say.DECLINE in taken or wished:
                return _ILLEGAL
            case Say.START | Say.INCOMPLETE | Say.COMPLETE if wished or not accepted:
                return _ILLEGAL
        return None

    @staticmethod
    def _too_late_for(say: Say, taken: set[Say]) -> bool:
        """Return whether an earlier message rules this one out."""
        match say:
            case Say.ASSIGN | Say.RESCHEDULE:
                return Say.COMPLETE in taken or bool(taken & (_WISHES - {say}))
            case Say.RECONSIDER:
                return bool(taken & {Say.COMPLETE, Say.START, Say.INCOMPLETE})
            case Say.START | Say.COMPLETE | Say.INCOMPLETE:
                return bool(taken & {Say.COMPLETE, Say.INCOMPLETE})
        return False
