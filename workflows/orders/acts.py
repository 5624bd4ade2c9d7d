"""What engineers say to a running order, and when it is refused."""

from temporalio import workflow

from domain.common.errors import IllegalTransition, NotAssigned, Refusal
from domain.installation import EngineerAct, EngineerAction
from domain.management_center.assignments import Assignment
from domain.orders import OrderStatus, Subscription
from workflows.common.decisions import Report, Wish, as_failure
from workflows.orders.saga import Saga, bounded

_REQUESTED = (OrderStatus.ENGINEER_ASSIGNED, OrderStatus.INSTALLATION_REQUESTED)
"""The engineer may see the request before the order has taken note that it was sent."""
_MOST_SERIALS = 50


class Acts(Saga):
    """The decisions of engineers about one order.

    A handler writes the decision down without awaiting, and then waits until `run` has carried it out. A validator
    refuses what does not fit the state, and leaves nothing in the history.
    """

    def __init__(self, subscription: Subscription) -> None:
        super().__init__(subscription)
        self.assignment: Assignment | None = None
        self.asked: dict[int, str] = {}
        """The engineer of each round."""
        self.reports: dict[tuple[EngineerAction, int, str], Report] = {}
        """By round and engineer: the same one again has the same outcome."""
        self.wish: Wish | None = None
        """Until it is carried out."""

    @property
    def round(self) -> int:
        """The round in force; 0 before the first assignment."""
        return self.assignment.round if self.assignment else 0

    def report(self, act: EngineerAction) -> Report | None:
        """Whether the engineer of the round in force has said so."""
        return self.reports.get((act, self.round, self.asked.get(self.round, "")))

    def unsettled(self, act: EngineerAction) -> Report | None:
        """What the engineer of the round in force has said, where it is still to be carried out."""
        report = self.report(act)
        return report if report is not None and not report.settled else None

    @property
    def answer(self) -> Report | None:
        """What the engineer of the round in force has answered."""
        return self.report(EngineerAction.ACCEPT) or self.report(EngineerAction.DECLINE)

    @workflow.update(name=EngineerAction.ACCEPT)
    async def accept(self, act: EngineerAct = EngineerAct()) -> None:
        """The engineer will do it."""
        await self._take(EngineerAction.ACCEPT, act).carried_out()

    @accept.validator
    def validate_accept(self, act: EngineerAct = EngineerAct()) -> None:
        """Only the engineer of the round in force, and only once."""
        self._check(EngineerAction.ACCEPT, act)

    @workflow.update(name=EngineerAction.DECLINE)
    async def decline(self, act: EngineerAct = EngineerAct()) -> None:
        """The engineer will not do it."""
        await self._take(EngineerAction.DECLINE, act).carried_out()

    @decline.validator
    def validate_decline(self, act: EngineerAct = EngineerAct()) -> None:
        """Only the engineer of the round in force, before any answer."""
        self._check(EngineerAction.DECLINE, act)

    @workflow.update(name=EngineerAction.START)
    async def report_start(self, act: EngineerAct = EngineerAct()) -> None:
        """The engineer is there and begins."""
        await self._take(EngineerAction.START, act).carried_out()

    @report_start.validator
    def validate_start(self, act: EngineerAct = EngineerAct()) -> None:
        """Only the engineer who has accepted."""
        self._check(EngineerAction.START, act)

    @workflow.update(name=EngineerAction.COMPLETE)
    async def report_completion(self, act: EngineerAct = EngineerAct()) -> None:
        """The engineer has done it: the point of no return."""
        completion = self._take(EngineerAction.COMPLETE, act)
        self.completion = self.completion or completion
        await completion.carried_out()

    @report_completion.validator
    def validate_completion(self, act: EngineerAct = EngineerAct()) -> None:
        """Only the engineer who has accepted."""
        self._check(EngineerAction.COMPLETE, act)

    @workflow.update(name=EngineerAction.INCOMPLETE)
    async def report_failure(self, act: EngineerAct = EngineerAct()) -> None:
        """The engineer was there, or tried to be, and it could not be done."""
        await self._take(EngineerAction.INCOMPLETE, act).carried_out()

    @report_failure.validator
    def validate_failure(self, act: EngineerAct = EngineerAct()) -> None:
        """Only the engineer who has accepted, and has not completed it."""
        self._check(EngineerAction.INCOMPLETE, act)

    def refuse_engineers(self, refusal: Refusal) -> None:
        """Whatever engineers have said and is not carried out yet will not be."""
        for report in self.reports.values():
            report.settle(refusal)

    def _take(self, act: EngineerAction, said: EngineerAct) -> Report:
        report = Report(
            bounded(said.by) or f"engineer:{said.engineer_id}",
            said.engineer_id,
            bounded(said.reason),
            bounded(said.note),
            [serial for each in said.serials[:_MOST_SERIALS] if (serial := bounded(each))],
        )
        return self.reports.setdefault(self._key(act, said), report)

    def _key(self, act: EngineerAction, said: EngineerAct) -> tuple[EngineerAction, int, str]:
        rounds = [round_ for round_, engineer_id in self.asked.items() if engineer_id == said.engineer_id]
        return act, said.round or max(rounds, default=0), said.engineer_id

    def _check(self, act: EngineerAction, said: EngineerAct) -> None:
        if refusal := self._refusal(act, said):
            raise as_failure(refusal)

    def _refusal(self, act: EngineerAction, said: EngineerAct) -> Refusal | None:
        key = self._key(act, said)
        if said.engineer_id not in self.asked.values():
            return NotAssigned("the installation is not this engineer's")
        if self.cancel_asked:
            return IllegalTransition("the order is being cancelled")
        if key in self.reports:
            return None
        if self.order.engineer_id is None:
            return IllegalTransition(f"nobody is assigned: the order is {self.order.status}")
        if (key[1], said.engineer_id) != (self.round, self.order.engineer_id):
            return IllegalTransition("the installation has been given to another engineer, or to another time")
        if self.wish is not None:
            return IllegalTransition("the installation is being given to another engineer, or to another time")
        return self._refusal_by_reports(act)

    def _refusal_by_reports(self, act: EngineerAction) -> Refusal | None:
        if act in (EngineerAction.ACCEPT, EngineerAction.DECLINE):
            if self.answer is not None:
                return IllegalTransition("the installation request has been answered")
            if self.order.status not in _REQUESTED:
                return IllegalTransition(f"the order is {self.order.status}")
        elif self.report(EngineerAction.ACCEPT) is None:
            return IllegalTransition("the installation has not been accepted")
        elif self.completion is not None:
            return IllegalTransition("the installation has been completed")
        elif self.report(EngineerAction.INCOMPLETE) is not None:
            return IllegalTransition("the visit has been reported as incomplete")
        return None
