"""ReconciliationWorkflow (대사): one pass that compares the managers' view with the orders' workflows.

The order-status context compares page by page. If an order's workflow was ended from outside, the other contexts undo
their part, as the order's own compensation would have done. Orders past their retention time are deleted.
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
    RECOUNT,
    WORKFLOW_TYPE,
    EndOrder,
    Expired,
    Look,
    Reconciled,
    Reconciliation,
    Recount,
    Repair,
)
from domain.orders import Order
from workflows.common.activity_calls import Input, Result, execute
from workflows.common.message_guard import is_believed

_LISTED_WITHIN = timedelta(minutes=10)
"""Time within which Temporal's list shows a new workflow. A pass begins this much before the end of the last one."""
_ONE_TRY = timedelta(minutes=10)
"""Long enough for a page on which every order takes its full time. The heartbeat detects a worker that was killed."""
_SILENCE = timedelta(seconds=30)
_PATIENCE = timedelta(seconds=30)
"""Time for another context to do its part for one batch. After it, the orders are left to the next pass."""
_RETRIES = RetryPolicy(maximum_interval=timedelta(seconds=30))
_ERASES_BEFORE_FORGETTING = "erases-before-forgetting"
_ADDS_DETAILS = "adds-details-to-installations"
_DETAILS_AT_ONCE = 20
"""Maximum number of pages of orders whose installations get missing details in one pass."""
_FINISHES_IN_SEVERAL_RUNS = "finishes-in-several-runs"
_RECOUNTS = "recounts-orders"


@workflow.defn(name=WORKFLOW_TYPE)
class ReconciliationWorkflow:
    """Checks every part of the view once, or only one order, and ends."""

    @workflow.run
    async def run(self, plan: Reconciliation = Reconciliation()) -> Reconciled:
        """Run one pass. The result says what was repaired, and where the next pass begins."""
        self.plan = _begun(plan) if plan.until == UNSET else plan
        if self.plan.only is not None:
            await self._look()
            return Reconciled(repaired=dict(self.plan.repaired))
        while self.plan.part < len(PARTS):
            part = self.plan.part
            await self._look()
            # All workflows that were started recently are checked in each pass, and of the rest a page at least.
            if part and self._has_lasted():
                break
            self._go_on_in_a_new_run_if_long()
        if self.plan.keep_for and not self.plan.forgotten and workflow.patched(_ERASES_BEFORE_FORGETTING):
            await self._forget()
        self.plan = replace(self.plan, forgotten=True)
        while await self._execute(FINISH, self.plan.keep_for):
            # Only a long run calls `patched`, so that a pass of a single run records no marker.
            if workflow.info().is_continue_as_new_suggested() and workflow.patched(_FINISHES_IN_SEVERAL_RUNS):
                workflow.continue_as_new(self.plan)
        if workflow.patched(_ADDS_DETAILS):
            await self._add_details()
        if workflow.patched(_RECOUNTS):
            await self._recount()
        return self._result()

    async def _look(self) -> None:
        plan = self.plan
        request = Look(PARTS[plan.part], plan.since, plan.until, plan.after, plan.end_lost, plan.only)
        found = await self._execute(LOOK, request)
        self._count(found.repaired)
        for order in found.ended:
            self._count({await self._end(order): 1})
        if found.next is not None:
            self.plan = replace(self.plan, after=found.next)
        elif plan.part == 0:
            self.plan = replace(self.plan, part=plan.rest_part, after=plan.rest_after)
        else:
            self.plan = replace(self.plan, part=plan.part + 1, after=None)

    def _has_lasted(self) -> bool:
        """Whether the pass has taken its time."""
        lasted = workflow.now() - self.plan.until - timedelta(seconds=self.plan.quiet_for)
        return 0 < self.plan.lasts_for <= lasted.total_seconds()

    def _result(self) -> Reconciled:
        plan = self.plan
        rest = (plan.part, plan.after) if plan.part < len(PARTS) else (1, None)
        return Reconciled(plan.until, dict(plan.repaired), plan.details_after, *rest)

    async def _end(self, order: Order) -> Repair:
        """Undo what was done for an order whose workflow can no longer do so, and show the order as ended."""
        within = _PATIENCE if self.plan.only is None else None
        try:
            installation = await self._execute(
                END_INSTALLATION,
                CancelInstallation.of(order, self.plan.cancel.reason),
                within=within,
            )
            await self._execute(CLOSE_ASSIGNMENT, CloseAssignment(order.order_id), within=within)
            await self._execute(END_ORDER, EndOrder(order, installation, self.plan.cancel), within=within)
        except ActivityError:
            return Repair.UNANSWERED
        return Repair.ENDED

    async def _forget(self) -> None:
        """Delete expired orders from the view, after the other contexts have erased their data.

        No later erasure would find these orders.
        """
        while (expired := await self._execute(FIND_EXPIRED, self.plan.keep_for)).order_ids:
            if not await self._erased_elsewhere(expired):
                self._count({Repair.UNANSWERED: len(expired.order_ids)})
                return
            await self._execute(FORGET, expired)
            self._count({Repair.EXPIRED: len(expired.order_ids)})
            self._go_on_in_a_new_run_if_long()

    async def _add_details(self) -> None:
        """Add missing details to installations of earlier releases. The next pass continues where this one ends."""
        after = self.plan.details_after
        try:
            for _ in range(_DETAILS_AT_ONCE):
                lacking = await self._execute(FIND_LACKING_DETAILS, after, within=_PATIENCE)
                after = lacking.order_ids[-1] if lacking.order_ids else ""
                if not after:
                    break
                request = replace(lacking, until=self.plan.until)
                found = await self._execute(FIND_DETAILS, request, within=_PATIENCE)
                if found.orders:
                    await self._execute(ADD_DETAILS, found, within=_PATIENCE)
        except ActivityError:
            # A context is down, or its workers belong to the previous release: the next pass tries again.
            return
        self.plan = replace(self.plan, details_after=after)

    async def _recount(self) -> None:
        try:
            wrong = await self._execute(RECOUNT, Recount(), within=_PATIENCE)
        except ActivityError:
            # The read model is down, or its workers belong to the previous release: the next pass tries again.
            self._count({Repair.UNANSWERED: 1})
        else:
            self._count({Repair.MISCOUNTED: wrong} if wrong else {})

    async def _erased_elsewhere(self, expired: Expired) -> bool:
        try:
            for command in BEFORE_VIEW:
                await self._execute(command, CustomersOrders(expired.order_ids), within=_PATIENCE)
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

    async def _execute(
        self, command: Command[Input, Result], command_input: Input, *, within: timedelta | None = None
    ) -> Result:
        return await execute(
            command, command_input, one_try=_ONE_TRY, within=within, silence=_SILENCE, retries=_RETRIES
        )


def _begun(plan: Reconciliation) -> Reconciliation:
    """Return the plan of a pass from where the previous one ended, up to now."""
    before: Reconciled | None = workflow.get_last_completion_result(Reconciled)
    if before is not None and not is_believed(before):
        before = None
    since = before.since - _LISTED_WITHIN if before else plan.since
    plan = replace(plan, since=since, until=workflow.now() - timedelta(seconds=plan.quiet_for))
    if before is None:
        return plan
    return replace(plan, details_after=before.details_after, rest_part=before.rest_part, rest_after=before.rest_after)
