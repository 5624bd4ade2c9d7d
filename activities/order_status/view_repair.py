"""One order of the managers' view, put right by what its workflow tells."""

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
    """What was done, if anything; and, where its workflow was ended from outside, the order as it was then."""

    repair: Repair | None = None
    ended: Order | None = None


def differs(row: Order | None, workflow: WorkflowExecution | None) -> bool:
    """Whether the view and Temporal's list seem to differ about an order; the list lags, so this is only a hint."""
    if row is None or workflow is None:
        return True
    if workflow.status not in _AS_EVER:
        return not row.status.final
    listed = {pair.key.name: pair.value for pair in workflow.typed_search_attributes}
    return any(listed.get(name) != value for name, value in search_attributes(row).items())


@dataclass(frozen=True)
class ViewRepair:
    """Reads the row first and asks the workflow then: so a row that is ahead of its workflow is not of this workflow.

    It was of one that has been reset, or was spoilt; what the workflow tells takes its place, in a version above it.
    The orders' own projections go on meanwhile, and win where they are newer.
    """

    workflows: OrderWorkflows
    view: OrderStatusStore

    async def repair(self, order_id: str, *, end_lost: bool = False) -> Outcome:
        """Have the view show the order as its workflow tells it.

        Raises:
            StoreUnavailable, RPCError: the database or Temporal does not answer.
        """
        row = await self._row(order_id)
        try:
            told = await self.workflows.told(order_id)
        except NotFound:
            return await self._lost(row, end_lost=end_lost)
        except DecryptionError:
            return Outcome(Repair.UNANSWERED)
        if not (told.carried or told.order.status.final):
            return _to_be_ended(row, told.order if told.answered else row or told.order)
        if told.answered:
            return await self._show(row, told.order)
        # As far as it is known: whoever looks for it finds it, and the next pass finds that it differs.
        await self.view.put([told.order])
        return Outcome(Repair.UNANSWERED)

    async def _show(self, row: Order | None, order: Order) -> Outcome:
        if row is None:
            await self.view.put([order])
            return Outcome(Repair.MISSED)
        if replace(order, version=row.version) == row:
            return Outcome()
        if not row.known and order.version <= row.version:
            # An older worker may have told it, which does not know either what the newer one has shown.
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
    """Nobody carries the order any more; in a status of a newer release it is left to that, for it may have ended."""
    if not (order.status.known and (row is None or row.status.known)):
        return Outcome(Repair.UNANSWERED)
    return Outcome(ended=None if order.status.final else order)
