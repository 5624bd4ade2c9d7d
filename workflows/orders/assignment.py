"""Rounds of asking: who is to come and when, until somebody has agreed to."""

from collections.abc import Callable

from temporalio import workflow

from domain.common.actors import SYSTEM
from domain.common.errors import EngineerUnavailable, IllegalTransition, Refusal, VisitUnavailable
from domain.installation import (
    DECLINE_INSTALLATION,
    WITHDRAW_INSTALLATION,
    RecordAnswer,
)
from domain.management_center.assignments import (
    ASSIGN_ENGINEER,
    CLOSE_ASSIGNMENT,
    AssignEngineer,
    Assignment,
    AssignmentOutcome,
    AssignmentRefusal,
    CloseAssignment,
    WhenNobody,
)
from domain.orders import AttentionReason, Event, OrderStatus, Subscription
from workflows.common.deadlines import Deadline
from workflows.common.decisions import Report, Wish
from workflows.common.steps import Step
from workflows.orders.messages import Messages

_WHY_NOBODY = {
    AssignmentRefusal.NO_SERVICE_AREA: AttentionReason.NO_SERVICE_AREA,
    AssignmentRefusal.NO_ENGINEER: AttentionReason.NO_ENGINEER,
    AssignmentRefusal.NO_CAPACITY: AttentionReason.NO_CAPACITY,
}
_UNPLACED = (OrderStatus.JOIN_ORDERED, OrderStatus.AWAITING_ENGINEER)


class Rounds(Messages):
    """What happens from round to round of one order."""

    def __init__(self, subscription: Subscription) -> None:
        super().__init__(subscription)
        self.passed_over: list[str] = []
        """Engineers who declined this order or did not answer."""
        self.turned_down = 0
        """How many of them one after another, since somebody accepted or new capacity appeared."""
        self.wanted = self.order.preferred_visit
        """The start of the window that was last agreed with the customer."""
        self.report_by: Deadline | None = None
        """When the visit should have been reported, once somebody has agreed to come."""

    @property
    def enough(self) -> bool:
        """As many engineers have been asked as the policy wants to be."""
        return 0 < self.policy.rounds <= self.turned_down

    async def decide_round(self, wish: Wish | None) -> AssignmentOutcome:
        """Ask the management centre for the next round: for what is wished, or for its own choice."""
        self.rounds += 1
        asked = AssignEngineer(
            order_id=self.order.order_id,
            round=self.rounds,
            installation_address=self.order.installation_address,
            product_id=self.order.product_id,
            passed_over=self.passed_over,
            by=wish.by if wish else SYSTEM,
            ordered_at=self.order.history[0].at,
            wanted=self.wanted,
            enough=self.enough,
        )
        if wish is not None and wish.of_a_person:
            asked.engineer_id, asked.wanted = wish.engineer_id, wish.start or self.wanted
            asked.exactly, asked.otherwise = wish.start is not None, WhenNobody.KEEP
        elif wish is not None and self.order.status not in _UNPLACED:
            # The customer has been told when somebody comes: the engineer may change, the window not.
            asked.exactly, asked.otherwise = True, WhenNobody.RELEASE
        if asked.exactly:
            asked.keep, asked.enough = self.order.engineer_id, False
        outcome = await self.step(ASSIGN_ENGINEER, asked)
        # An order that was reset to an earlier round catches up with what was decided after it.
        self.rounds = max(self.rounds, outcome.round)
        return outcome

    def take_assignment(self, assignment: Assignment, wish: Wish | None) -> None:
        """A round has been decided: the order is that engineer's now, and the visit at that time."""
        order, before = self.order, self.wanted
        self.assignment = assignment
        self.asked[assignment.round] = assignment.engineer_id
        moved = assignment.visit is not None and (
            before not in (None, assignment.visit.start) or (wish is not None and wish.start is not None)
        )
        if order.status in _UNPLACED:
            event = Event.ORDER_ACCEPTED
        elif moved and order.engineer_id == assignment.engineer_id:
            event = Event.VISIT_RESCHEDULED
        else:
            event = Event.ENGINEER_REASSIGNED
        self.leave_visit()
        order.region, order.visit = assignment.region, assignment.visit
        order.engineer_id, order.engineer_name = assignment.engineer_id, assignment.engineer_name
        self.clear_attention()
        self.record(event, by=assignment.by, detail=assignment.reason)
        if moved and event is not Event.VISIT_RESCHEDULED:
            instead = f"instead of {before:%F %T} UTC" if before else None
            self.record(Event.VISIT_RESCHEDULED, by=assignment.by, detail=instead)
        if assignment.visit is not None:
            self.wanted = assignment.visit.start
        if self.wish is not None and (self.wish is wish or self.wish.met_by(assignment)):
            self.settle_wish(self.wish)

    async def await_engineer(self, outcome: AssignmentOutcome) -> None:
        """Nobody can be assigned: a manager is asked for, and the management centre tells when capacity appears."""
        reason = AttentionReason.ORDER_CLOSED_ELSEWHERE
        if outcome.refusal is not None:
            unknown = AttentionReason(outcome.refusal.value) if not outcome.refusal.known else reason
            reason = _WHY_NOBODY.get(outcome.refusal, unknown)
        self.order.region = outcome.region
        self.leave_engineer()
        awaited = self.order.status is OrderStatus.AWAITING_ENGINEER and self.order.attention
        if not awaited or awaited.reason != reason:
            self.record(Event.ENGINEER_AWAITED, detail=reason)
            self.ask_for_attention(reason, f"{self.turned_down} have been asked" if self.enough else None)
        await self.await_wish()

    async def await_wish(self) -> None:
        """Wait for a manager, the customer, or new capacity; with that, those who have been asked are counted anew."""
        await self.pause(lambda: self.wish is not None)
        if self.wish is not None and not self.wish.of_a_person:
            self.turned_down = 0

    async def closed_elsewhere(self) -> None:
        """An order that was set back to before its own end finds its installation canceled: a manager is asked for."""
        self.completion = None
        self.refuse_engineers(IllegalTransition("the installation has been canceled"))
        await self.await_engineer(AssignmentOutcome(refusal=AssignmentRefusal.CLOSED, region=self.order.region))

    async def pass_over(self, declined: Report, event: Event) -> None:
        """Write down that this engineer does not do it; the next one is to be asked."""
        await self.step(DECLINE_INSTALLATION, self.as_answer(declined))
        self.passed_over.append(declined.engineer_id)
        self.turned_down += 1
        self.leave_engineer()
        self.record(event, by=declined.by, detail=declined.reason)
        declined.settle()

    async def reassign(self, wish: Wish) -> None:
        """Have another round decided for an order that an engineer has already, or had."""
        outcome = await self.decide_round(wish)
        if outcome.assignment is not None:
            self.take_assignment(outcome.assignment, wish)
        elif wish.of_a_person or outcome.refusal in (AssignmentRefusal.SUPERSEDED, AssignmentRefusal.CLOSED):
            self.not_to_be_had(wish, outcome)
        else:
            await self.lose_visit(wish)

    def not_to_be_had(self, wish: Wish, outcome: AssignmentOutcome) -> None:
        """The management centre will not have it, and the order goes on as it was; or it is to be asked again."""
        if outcome.refusal is AssignmentRefusal.SUPERSEDED:
            return
        refusal: Refusal | None = None
        if outcome.refusal is AssignmentRefusal.CLOSED:
            refusal = IllegalTransition("the order's assignment has been closed")
        elif wish.engineer_id is not None:
            refusal = EngineerUnavailable("the engineer does not exist, is not active, or has no free window")
        elif wish.start is not None:
            refusal = VisitUnavailable("the visit window is not free")
        self.settle_wish(wish, refusal)

    async def lose_visit(self, wish: Wish) -> None:
        """Nobody can come instead of the engineer at that time: the customer has to be asked for another."""
        reason = "the engineer cannot come"
        await self.step(WITHDRAW_INSTALLATION, RecordAnswer(self.order.order_id, self.round, workflow.now(), reason))
        self.leave_engineer()
        self.record(Event.VISIT_LOST, detail=reason)
        self.ask_for_attention(AttentionReason.VISIT_LOST)
        self.settle_wish(wish)

    def leave_engineer(self) -> None:
        """Nobody has the order."""
        self.order.engineer_id = self.order.engineer_name = None
        self.leave_visit()

    def leave_visit(self) -> None:
        """No window is booked for the order."""
        self.order.visit = None
        if self.report_by is not None:
            self.report_by.drop()
            self.report_by = None

    def close_assignment(self) -> Step[CloseAssignment, None]:
        """The order has ended, or will for certain: its window is to be free for others."""
        return self.begin(CLOSE_ASSIGNMENT, CloseAssignment(self.order.order_id))

    def as_answer(self, report: Report) -> RecordAnswer:
        """What the installation context is to write down of what an engineer said."""
        return RecordAnswer(self.order.order_id, self.round, workflow.now(), report.reason, report.note, report.serials)

    async def pause(self, until: Callable[[], bool]) -> None:
        """Show the order as it stands, and wait for people."""
        if not until():
            self.show()
        await self.wait(until)
