"""End the orders that Temporal has lost, installations included: `python -m ops.end_lost_orders`.

A pass of the reconciliation does it. It needs this program, because a pass that somebody starts in the Web UI or with
the command line is not bound to its workflow, and is refused with `PAYLOAD_BINDING=require`.
"""

import argparse
import asyncio
import sys
from datetime import timedelta

from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from domain.common import contexts
from domain.common.texts import PlainText
from domain.order_status.reconciliation import WORKFLOW_TYPE, Reconciliation
from runtime.settings import Settings
from runtime.temporal_client import connect, run_and_end

_WORKFLOW_ID = "end-lost-orders"
_WITHIN = timedelta(seconds=5)


async def start(client: Client) -> str:
    """Start the pass, and return what was done, for people.

    Raises:
        RPCError: the server does not answer.
    """
    try:
        await client.start_workflow(
            WORKFLOW_TYPE,
            Reconciliation(end_lost=True),
            id=_WORKFLOW_ID,
            task_queue=contexts.ORDER_STATUS,
            static_summary=PlainText("유실 주문 종료 · Ends the orders that Temporal has lost"),
            rpc_timeout=_WITHIN,
        )
    except WorkflowAlreadyStartedError:
        return f"It is running already: the workflow {_WORKFLOW_ID}."
    return f"Started: the result of the workflow {_WORKFLOW_ID} says how many orders were ended."


async def _main() -> int:
    try:
        print(await start(await connect(Settings())))
    except (RPCError, RuntimeError) as error:
        print(f"Temporal does not answer: {error}")
        return 1
    return 0


def main() -> None:
    """Start the pass, and end with the exit status."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    sys.exit(asyncio.run(_main()))


if __name__ == "__main__":
    run_and_end(main)
