"""ReconciliationWorkflow (대사): one pass of comparing the managers' view with the orders' workflows.

The order-status context does it page by page; where a workflow was ended from outside, the other contexts undo what
they had done for the order, as its own compensation would have had them do. What is kept no longer is forgotten.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from domain.common.commands import Command
from domain.common.times import UNSET
from domain.erasure import BEFORE_VIEW, CustomersOrders
from domain.installation import CancelInstallation
from domain.management_center.assignments import CLOSE_ASSIGNMENT, CloseAssignment
from domain.order_status.reconciliation import (
    ADD_DETAILS,
    END_INSTALLATION,
    END_ORDER,
    FIND_DETAILS,
    FIND_EXPIRED,
    FIND_LACKING_DETAILS,
    FINISH,
    FORGET,
    LOOK,
    PARTS,
    WORKFLOW_TYPE,
    EndOrder,
    Expired,
    Look,
    Reconciled,
    Reconciliation,
    Repair,
)
from domain.orders import Order
from workflows.common.activity_calls import Input, Result, ask

_LISTED_WITHIN = timedelta(minutes=10)
"""Temporal's list knows every workflow by then; a pass looks so far back beyond the one before."""
_ONE_TRY = timedelta(minutes=10)
"""A page of which every order takes as long as it may; a worker that was killed is noticed by its silence."""
_SILENCE = timedelta(seconds=30)
_PATIENCE = timedelta(seconds=30)
"""For what another context has to do for some orders of many; then they are left to the next pass."""
_RETRIES = RetryPolicy(maximum_interval=timedelta(seconds=30))
_ERASES_BEFORE_FORGETTING = "erases-before-forgetting"
_ADDS_DETAILS = "adds-details-to-installations"
_DETAILS_AT_ONCE = 20
"""Pages of orders in one pass whose installations get the details that they lack."""
_FINISHES_IN_SEVERAL_RUNS = "finishes-in-several-runs"


@workflow.defn(name=WORKFLOW_TYPE)
class ReconciliationWorkflow:
    """Looks at every part of the view once, or at one order alone, and ends."""

    @workflow.run
    async def run(self, plan: Reconciliation = Reconciliation()) -> Reconciled:
        """Do one pass. The result tells what it has put right, and the next pass where to begin."""
        self.plan = _begun(plan) if plan.until == UNSET else plan
        if self.plan.only is not None:
            await self._look()
            return Reconciled(repaired=dict(self.plan.repaired))
        while self.plan.part < len(PARTS):
            await self._look()
            self._go_on_in_a_new_run_if_long()
        if self.plan.keep_for and not self.plan.forgotten and workflow.patched(_ERASES_BEFORE_FORGETTING):
            await self._forget()
        self.plan = replace(self.plan, forgotten=True)
        while await self._ask(FINISH, self.plan.keep_for):
            # Only a long run asks `patched`, so that a pass of one run records no marker.
            if workflow.info().is_continue_as_new_suggested() and workflow.patched(_FINISHES_IN_SEVERAL_RUNS):
                workflow.continue_as_new(self.plan)
        if workflow.patched(_ADDS_DETAILS):
            await self._add_details()
        return Reconciled(self.plan.until, dict(self.plan.repaired), self.plan.details_after)

    async def _look(self) -> None:
        plan = self.plan
        request = Look(PARTS[plan.part], plan.since, plan.until, plan.after, plan.end_lost, plan.only)
        found = await self._ask(LOOK, request)
        self._count(found.repaired)
        for order in found.ended:
            self._count({await self._end(order): 1})
        self.plan = replace(self.plan, after=found.next, part=plan.part + (found.next is None))

    async def _end(self, order: Order) -> Repair:
        """Undo what was done for an order whose workflow cannot do it, and show it as ended."""
        within = _PATIENCE if self.plan.only is None else None
        try:
            installation = await self._ask(
                END_INSTALLATION,
                CancelInstallation.of(order, self.plan.cancel.reason),
                within=within,
            )
            await self._ask(CLOSE_ASSIGNMENT, CloseAssignment(order.order_id), within=within)
            await self._ask(END_ORDER, EndOrder(order, installation, self.plan.cancel), within=within)
        except ActivityError:
            return Repair.UNANSWERED
        return Repair.ENDED

    async def _forget(self) -> None:
        """Have the view forget what is kept no longer, as far as the others have erased what no erasure finds then."""
        while (expired := await self._ask(FIND_EXPIRED, self.plan.keep_for)).order_ids:
            if not await self._erased_elsewhere(expired):
                self._count({Repair.UNANSWERED: len(expired.order_ids)})
                return
            await self._ask(FORGET, expired)
            self._count({Repair.EXPIRED: len(expired.order_ids)})
            self._go_on_in_a_new_run_if_long()

    async def _add_details(self) -> None:
        """Add what open installations of earlier releases lack; the next pass goes on where this one ends."""
        after = self.plan.details_after
        try:
            for _ in range(_DETAILS_AT_ONCE):
                lacking = await self._ask(FIND_LACKING_DETAILS, after, within=_PATIENCE)
                after = lacking.order_ids[-1] if lacking.order_ids else ""
                if not after:
                    break
                request = replace(lacking, until=self.plan.until)
                found = await self._ask(FIND_DETAILS, request, within=_PATIENCE)
                if found.orders:
                    await self._ask(ADD_DETAILS, found, within=_PATIENCE)
        except ActivityError:
            # A context is away, or its workers are of the release before: the next pass tries again.
            return
        self.plan = replace(self.plan, details_after=after)

    async def _erased_elsewhere(self, expired: Expired) -> bool:
        try:
            for command in BEFORE_VIEW:
                await self._ask(command, CustomersOrders(expired.order_ids), within=_PATIENCE)
        except ActivityError:
            return False
        return True

    def _go_on_in_a_new_run_if_long(self) -> None:
        if workflow.info().is_continue_as_new_suggested():
            workflow.continue_as_new(self.plan)

    def _count(self, repaired: Mapping[Repair, int]) -> None:
        counts = dict(self.plan.repaired)
        for repair, number in repaired.items():
            counts[repair] = counts.get(repair, 0) + number
        self.plan = replace(self.plan, repaired=counts)

    async def _ask(self, command: Command[Input, Result], request: Input, *, within: timedelta | None = None) -> Result:
        return await ask(command, request, one_try=_ONE_TRY, within=within, silence=_SILENCE, retries=_RETRIES)


def _begun(plan: Reconciliation) -> Reconciliation:
    """From where the pass before has come to, up to now."""
    before: Reconciled | None = workflow.get_last_completion_result(Reconciled)
    since = before.since - _LISTED_WITHIN if before else plan.since
    after = before.details_after if before else plan.details_after
    return replace(plan, since=since, details_after=after, until=workflow.now() - timedelta(seconds=plan.quiet_for))
