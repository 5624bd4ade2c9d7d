"""ErasureWorkflow (개인정보 삭제): erases a customer's personal data, in every context and in Temporal.

The view is erased last, because it is what finds the customer's orders: an interrupted erasure finds them again.
"""

from dataclasses import replace
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from domain.common.commands import Command
from domain.erasure import (
    BEFORE_VIEW,
    ERASE_FIND,
    ERASE_VIEW,
    ERASE_WORKFLOWS,
    WORKFLOW_TYPE,
    Erased,
    Erasure,
)
from workflows.common.activity_calls import Input, Result, execute

_STEPS = (ERASE_WORKFLOWS, *BEFORE_VIEW, ERASE_VIEW)
_ONE_TRY = timedelta(minutes=10)
_SILENCE = timedelta(seconds=30)
"""Heartbeat timeout. It detects a worker that was killed."""
_RETRIES = RetryPolicy(maximum_interval=timedelta(seconds=30))


@workflow.defn(name=WORKFLOW_TYPE)
class ErasureWorkflow:
    """Refuses if an order of the customer is open. Otherwise it ends when no order is left to erase."""

    @workflow.run
    async def run(self, request: Erasure = Erasure()) -> Erased:
        """Erase the customer's orders, batch by batch."""
        found = await _execute(ERASE_FIND, request)
        if found.open and not request.erased:
            return Erased(refused=True)
        while found.order_ids:
            for step in _STEPS:
                await _execute(step, found)
            request = replace(request, erased=request.erased + len(found.order_ids))
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(request)
            found = await _execute(ERASE_FIND, request)
        return Erased(request.erased)


async def _execute(command: Command[Input, Result], command_input: Input) -> Result:
    return await execute(command, command_input, one_try=_ONE_TRY, silence=_SILENCE, retries=_RETRIES)
