"""ErasureWorkflow (개인정보 삭제): erases what is known of a customer, in every context and in Temporal, to the end.

The view comes last: by it the customer's orders are found, so whatever is cut short is found and done again.
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
from workflows.common.activity_calls import Input, Result, ask

_STEPS = (ERASE_WORKFLOWS, *BEFORE_VIEW, ERASE_VIEW)
_ONE_TRY = timedelta(minutes=10)
_SILENCE = timedelta(seconds=30)
"""A worker that was killed is noticed by it."""
_RETRIES = RetryPolicy(maximum_interval=timedelta(seconds=30))


@workflow.defn(name=WORKFLOW_TYPE)
class ErasureWorkflow:
    """Refuses where an order is open; otherwise it ends once nothing is left."""

    @workflow.run
    async def run(self, request: Erasure = Erasure()) -> Erased:
        """Erase some orders after others."""
        found = await _ask(ERASE_FIND, request)
        if found.open and not request.erased:
            return Erased(refused=True)
        while found.order_ids:
            for step in _STEPS:
                await _ask(step, found)
            request = replace(request, erased=request.erased + len(found.order_ids))
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(request)
            found = await _ask(ERASE_FIND, request)
        return Erased(request.erased)


async def _ask(command: Command[Input, Result], request: Input) -> Result:
    return await ask(command, request, one_try=_ONE_TRY, silence=_SILENCE, retries=_RETRIES)
