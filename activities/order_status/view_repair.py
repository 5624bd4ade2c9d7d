"""Repair of one order in the managers' view, from its workflow."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from temporalio.client import WorkflowExecution, WorkflowExecutionStatus

from domain.common.errors import NotFound
from domain.order_status.reconciliation import Repair
from domain.orders import Attention, AttentionReason, Order, search_attributes
from runtime.order_workflows import OrderWorkflows
from runtime.payload_codec import DecryptionError
from stores.order_status.view import OrderStatusStore

_AS_EVER = (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED)


@dataclass(frozen=True)
class Outcome:
    """What was repaired, if anything.

    If the workflow was ended from outside, `ended` is the order as it was at that time.
    """

    repair: Repair | None = None
    ended: Order | None = None


def differs(row: Order | None, workflow: WorkflowExecution | None) -> bool:
    """Whether the view and Temporal's list seem to differ about an order. The list lags, so this is only a hint."""
    if row is None or workflow is None:
        return True
    if workflow.status not in _AS_EVER:
        return not row.status.final
    listed = {pair.key.name: pair.value for pair in workflow.typed_search_attributes}
    return any(listed.get(name) != value for name, value in search_attributes(row).items())


@dataclass(frozen=True)
class ViewRepair:
    """Repairs rows of the view.

    It reads the row before it queries the workflow. So a row that is ahead of its workflow does not come from it, but
    from a run that was reset, or is corrupt. The workflow's order replaces it with a higher version. The orders' own
    projections continue meanwhile, and win if they are newer.
    """

    workflows: OrderWorkflows
    view: OrderStatusStore

    async def repair(self, order_id: str, *, end_lost: bool = False) -> Outcome:
        """Bring the view's row of an order in line with its workflow.

        Raises:
            StoreUnavailable, RPCError: the database or Temporal does not answer.
        """
        row = await self._row(order_id)
        try:
            found = await self.workflows.query(order_id)
        except NotFound:
            return await self._lost(row, end_lost=end_lost)
        except DecryptionError:
            return Outcome(Repair.UNANSWERED)
        if not (found.carried or found.order.status.final):
            return _to_be_ended(row, found.order if found.answered else row or found.order)
        if found.answered:
            return await self._show(row, found.order)
        # Store what is known, so that the order can be found. The next pass sees the difference.
        await self.view.put([found.order])
        return Outcome(Repair.UNANSWERED)

    async def _show(self, row: Order | None, order: Order) -> Outcome:
        if row is None:
            await self.view.put([order])
            return Outcome(Repair.MISSED)
        if replace(order, version=row.version) == row:
            return Outcome()
        if not row.known and order.version <= row.version:
            # An older worker may have answered, which does not know either what a newer one has stored.
            return Outcome(Repair.UNANSWERED)
        await self.view.put([replace(order, version=max(order.version, row.version + 1))])
        return Outcome(Repair.STALE)

    async def _lost(self, row: Order | None, *, end_lost: bool) -> Outcome:
        if row is None or row.status.final:
            return Outcome()
        if end_lost or not row.status.known:
            return _to_be_ended(row, row)
        if row.attention is not None and row.attention.reason == AttentionReason.WORKFLOW_LOST:
            return Outcome()
        at = datetime.now(UTC)
        row.ask_for_attention(Attention(AttentionReason.WORKFLOW_LOST, at), at=at)
        await self.view.put([row])
        return Outcome(Repair.LOST)

    async def _row(self, order_id: str) -> Order | None:
        try:
            return (await self.view.get(order_id)).order
        except NotFound:
            return None


def _to_be_ended(row: Order | None, order: Order) -> Outcome:
    """Return an order without a workflow for ending. One in a status of a newer release is left to that release."""
    if not (order.status.known and (row is None or row.status.known)):
        return Outcome(Repair.UNANSWERED)
    return Outcome(ended=None if order.status.final else order)
