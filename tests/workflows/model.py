"""What may become of an order to which people say several things at once: a model of the rules, without the saga."""

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from domain.orders import OrderStatus
from tests.workflows.placed import Placed, Way


class Say(StrEnum):
    """What can be said to an order whose engineer, e1, has been asked."""

    ACCEPT = "accept"
    DECLINE = "decline"
    COMPLETE = "complete"
    ASSIGN = "assign"
    UPDATE = "cancel (update)"
    SIGNAL = "cancel (signal)"
    NATIVE = "cancel (request)"

    @property
    def cancel(self) -> bool:
        """One of the ways to cancel."""
        return self in _WAYS

    def to(self, order: Placed) -> Coroutine[Any, Any, object]:
        """Say it."""
        match self:
            case Say.ACCEPT:
                return order.accept()
            case Say.DECLINE:
                return order.decline()
            case Say.COMPLETE:
                return order.complete()
            case Say.ASSIGN:
                return order.assign("e2")
            case _:
                return order.cancel(_WAYS[self])


_WAYS = {Say.UPDATE: Way.UPDATE, Say.SIGNAL: Way.SIGNAL, Say.NATIVE: Way.NATIVE}
_ILLEGAL = "IllegalTransition"
_TOO_LATE = "OrderCancelRejected"


@dataclass
class Model:
    """An order, and what was said to it before any of that could be carried out."""

    accepted: bool = False
    """Carried out already, before all that is said here."""
    taken: list[Say] = field(default_factory=list)
    too_late: bool = False
    """A cancel has been refused."""

    def say(self, said: Sequence[Say]) -> dict[Say, str | None]:
        """All of it in one workflow task: signals come first, Temporal's own request last. Answers the refusals."""
        ranks = {Say.SIGNAL: 0, Say.NATIVE: 2}
        answers = {say: self._hear(say) for say in sorted(said, key=lambda say: ranks.get(say, 1))}
        if self.cancelled:
            pending = {Say.DECLINE, Say.ASSIGN} | (set() if self.accepted else {Say.ACCEPT})
            answers |= dict.fromkeys(pending & answers.keys(), _ILLEGAL)
        # Nobody waits for the answer of these.
        return answers | dict.fromkeys({Say.SIGNAL, Say.NATIVE} & answers.keys())

    @property
    def cancelled(self) -> bool:
        return any(say.cancel for say in self.taken)

    @property
    def ends(self) -> tuple[OrderStatus, str | None]:
        """Where it comes to stand in the end, or until somebody says more; and with which engineer."""
        if self.cancelled:
            return OrderStatus.ORDER_CANCELED, None
        if Say.COMPLETE in self.taken:
            return OrderStatus.JOIN_COMPLETED, "e1"
        if {Say.ASSIGN, Say.DECLINE} & set(self.taken):
            return OrderStatus.INSTALLATION_REQUESTED, "e2"
        if self.accepted or Say.ACCEPT in self.taken:
            return OrderStatus.INSTALLATION_ACCEPTED, "e1"
        return OrderStatus.INSTALLATION_REQUESTED, "e1"

    def _hear(self, say: Say) -> str | None:
        refusal = self._refusal(say)
        if refusal is None:
            self.taken.append(say)
        elif refusal == _TOO_LATE:
            self.too_late = True
        return refusal

    def _refusal(self, say: Say) -> str | None:
        if say.cancel:
            return _TOO_LATE if Say.COMPLETE in self.taken else None
        if self.cancelled or (say is Say.ASSIGN and Say.COMPLETE in self.taken):
            return _ILLEGAL
        answered = self.accepted or bool({Say.ACCEPT, Say.DECLINE} & set(self.taken))
        match say:
            case Say.ACCEPT if self.accepted:
                return None
            case Say.ACCEPT | Say.DECLINE if answered or Say.ASSIGN in self.taken:
                return _ILLEGAL
            case Say.COMPLETE if Say.ASSIGN in self.taken or not (self.accepted or Say.ACCEPT in self.taken):
                return _ILLEGAL
        return None
