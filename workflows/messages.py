"""What people say to a running order, and when it is refused.

A handler writes the decision down without awaiting, and then waits until `run` has carried it out. A validator refuses
what does not fit the state, and leaves nothing in the history; only a cancel is refused by its handler, so that the
refusal is recorded.
"""

from temporalio import workflow

from domain.errors import EngineerUnavailable, IllegalTransition, NotAssigned, OrderCancelRejected, Refusal
from domain.installation import Act, EngineerAct
from domain.management_center import Assignment, ManualAssignment
from domain.orders import MANAGER, CancelRequest, Message, Order, OrderStatus, Subscription
from workflows.decisions import Decision, as_failure
from workflows.saga import Saga, bounded

_REQUESTED = (OrderStatus.ENGINEER_ASSIGNED, OrderStatus.INSTALLATION_REQUESTED)
"""The engineer may see the request before the order has taken note that it was sent."""


class Messages(Saga):
    """The decisions of engineers, managers and customers about one order."""

    def __init__(self, subscription: Subscription) -> None:
        super().__init__(subscription)
        self.assignment: Assignment | None = None
        self.asked: dict[int, str] = {}
        """The engineer of each round."""
        self.decisions: dict[tuple[Act, int, str], Decision] = {}
        """Of engineers, by round: the same one again has the same outcome."""
        self.reassignment: Decision | None = None
        """Of a manager, until it is carried out."""

    @property
    def round(self) -> int:
        """The round in force; 0 before the first assignment."""
        return self.assignment.round if self.assignment else 0

    def decision(self, act: Act) -> Decision | None:
        """Whether the engineer of the round in force has decided so."""
        return self.decisions.get((act, self.round, self.asked.get(self.round, "")))

    @property
    def answer(self) -> Decision | None:
        """What the engineer of the round in force has answered."""
        return self.decision(Act.ACCEPT) or self.decision(Act.DECLINE)

    # --- engineers ----------------------------------------------------------------------------------------------------

    @workflow.update(name=Act.ACCEPT)
    async def accept(self, act: EngineerAct = EngineerAct()) -> None:
        """The engineer will do it."""
        await self._take(Act.ACCEPT, act).carried_out()

    @accept.validator
    def validate_accept(self, act: EngineerAct = EngineerAct()) -> None:
        """Only the engineer of the round in force, and only once."""
        self._check(Act.ACCEPT, act)

    @workflow.update(name=Act.DECLINE)
    async def decline(self, act: EngineerAct = EngineerAct()) -> None:
        """The engineer will not do it."""
        await self._take(Act.DECLINE, act).carried_out()

    @decline.validator
    def validate_decline(self, act: EngineerAct = EngineerAct()) -> None:
        """Only the engineer of the round in force, before any answer."""
        self._check(Act.DECLINE, act)

    @workflow.update(name=Act.COMPLETE)
    async def report_completion(self, act: EngineerAct = EngineerAct()) -> None:
        """The engineer has done it: the point of no return."""
        completion = self._take(Act.COMPLETE, act)
        self.completion = self.completion or completion
        await completion.carried_out()

    @report_completion.validator
    def validate_completion(self, act: EngineerAct = EngineerAct()) -> None:
        """Only the engineer who has accepted."""
        self._check(Act.COMPLETE, act)

    # --- managers -----------------------------------------------------------------------------------------------------

    @workflow.update(name=Message.ASSIGN_ENGINEER)
    async def assign_by_hand(self, wanted: ManualAssignment = ManualAssignment()) -> Assignment | None:
        """A manager gives the order to an engineer, or takes it from one and gives it to another."""
        if self._has_it(wanted):
            return self.assignment
        if self.reassignment is None:
            self.reassignment = Decision(wanted.engineer_id, by=bounded(wanted.by) or MANAGER)
        await self.reassignment.carried_out()
        return self.assignment

    @assign_by_hand.validator
    def validate_assignment(self, wanted: ManualAssignment = ManualAssignment()) -> None:
        """Until the completion or a cancel, one at a time."""
        if not wanted.engineer_id or wanted.engineer_id != bounded(wanted.engineer_id):
            raise as_failure(EngineerUnavailable("there is no such engineer"))
        if self.completion is not None or self.order.status.final:
            raise as_failure(IllegalTransition("the installation has been completed"))
        if self.cancel_asked:
            raise as_failure(IllegalTransition("the order is being cancelled"))
        if self.reassignment is not None and self.reassignment.engineer_id != wanted.engineer_id:
            raise as_failure(IllegalTransition("the order is being given to another engineer"))

    # --- customers ----------------------------------------------------------------------------------------------------

    @workflow.update(name=Message.CANCEL)
    async def cancel(self, request: CancelRequest = CancelRequest()) -> Order:
        """Cancel the order and its installation; answered when both are cancelled."""
        if not self.take_cancel(request):
            raise as_failure(OrderCancelRejected("the installation has been completed"))
        await workflow.wait_condition(lambda: self.order.status is OrderStatus.ORDER_CANCELED)
        return self.order

    @workflow.signal(name=Message.REQUEST_CANCEL)
    def request_cancel(self, request: CancelRequest = CancelRequest()) -> None:
        """The same, when nobody waits for the answer: a server keeps a signal while no worker lives."""
        self.take_cancel(request)

    @workflow.query(name=Message.ORDER)
    def ask_order(self) -> Order:
        """The order as it stands."""
        return self.order

    # --- what they have in common -------------------------------------------------------------------------------------

    def _take(self, act: Act, said: EngineerAct) -> Decision:
        key = self._key(act, said)
        by = f"engineer:{said.engineer_id}"
        return self.decisions.setdefault(key, Decision(said.engineer_id, by, bounded(said.reason)))

    def _key(self, act: Act, said: EngineerAct) -> tuple[Act, int, str]:
        rounds = [round_ for round_, engineer_id in self.asked.items() if engineer_id == said.engineer_id]
        return act, said.round or max(rounds, default=0), said.engineer_id

    def _has_it(self, wanted: ManualAssignment) -> bool:
        holds = self.order.engineer_id is not None and self.order.engineer_id == wanted.engineer_id
        return holds and self.reassignment is None and self.decision(Act.DECLINE) is None

    def _check(self, act: Act, said: EngineerAct) -> None:
        if refusal := self._refusal(act, said):
            raise as_failure(refusal)

    def _refusal(self, act: Act, said: EngineerAct) -> Refusal | None:
        key = self._key(act, said)
        if said.engineer_id not in self.asked.values():
            return NotAssigned("the installation is not this engineer's")
        if self.cancel_asked:
            return IllegalTransition("the order is being cancelled")
        if key in self.decisions:
            return None
        if self.order.engineer_id is None:
            return IllegalTransition(f"nobody is assigned: the order is {self.order.status}")
        if (key[1], said.engineer_id) != (self.round, self.order.engineer_id):
            return IllegalTransition("the installation has been given to another engineer")
        if self.reassignment is not None:
            return IllegalTransition("the installation is being given to another engineer")
        return self._refusal_by_answer(act)

    def _refusal_by_answer(self, act: Act) -> Refusal | None:
        if act is Act.COMPLETE:
            accepted = self.decision(Act.ACCEPT) is not None
            return None if accepted else IllegalTransition("the installation has not been accepted")
        if self.answer is not None:
            return IllegalTransition("the installation request has been answered")
        if self.order.status not in _REQUESTED:
            return IllegalTransition(f"the order is {self.order.status}")
        return None
