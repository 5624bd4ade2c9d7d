"""Worker process: runs the workflows and activities of the named contexts, or (by default) of all contexts.

`python worker.py [--context NAME]…`
"""

import argparse
import gc
from collections.abc import Sequence

if __name__ == "__main__":
    gc.disable()  # What is loaded is no garbage, and looking for some would take a sixth of the time of the start.

import uvloop
from temporalio.worker import Interceptor

from activities import installation, management_center
from activities.common.process import Work, serve
from activities.event_delivery import part as event_delivery
from activities.order_status import part as order_status
from domain.common import contexts
from observability import sdk_runtime
from observability.logging_setup import change_level_by_signal, configure_logging
from observability.task_context import add_order_of_task
from observability.telemetry import instrumented
from runtime import garbage
from runtime.payload_binding import PayloadBinding
from runtime.payload_codec import count_refusal
from runtime.settings import Settings
from runtime.temporal_client import payload_binding_of, run_and_end
from workflows.common.message_guard import MessageGuard
from workflows.common.runner import sandbox
from workflows.event_delivery.delivery import EventDeliveryWorkflow
from workflows.event_delivery.ping import EventPingWorkflow
from workflows.event_delivery.relay import EventRelayWorkflow
from workflows.management_center.dispatch import DispatchWorkflow
from workflows.order_status.erasure import ErasureWorkflow
from workflows.order_status.reconciliation import ReconciliationWorkflow
from workflows.orders.subscription import SubscriptionWorkflow


def guards(settings: Settings) -> Sequence[Interceptor]:
    """Return the guards of the workflows and activities."""
    return [
        MessageGuard(seal_required=payload_binding_of(settings) is PayloadBinding.REQUIRE, count=count_refusal),
    ]


WORK = Work(
    workflows={
        contexts.ORDERS: [SubscriptionWorkflow],
        contexts.MANAGEMENT_CENTER: [DispatchWorkflow],
        contexts.EVENT_DELIVERY: [EventRelayWorkflow, EventPingWorkflow, EventDeliveryWorkflow],
        contexts.ORDER_STATUS: [ReconciliationWorkflow, ErasureWorkflow],
    },
    parts={
        contexts.MANAGEMENT_CENTER: management_center.part,
        contexts.INSTALLATION: installation.part,
        contexts.EVENT_DELIVERY: event_delivery.part,
        contexts.ORDER_STATUS: order_status.part,
    },
    runner=sandbox(),
    interceptors=guards,
)


def main() -> None:
    """Run one worker process."""
    served = contexts_named()
    settings = Settings()
    configure_logging(settings, add_order_of_task)
    change_level_by_signal(settings)
    garbage.collect_seldom()
    service = f"{served[0]}-worker" if len(served) == 1 else "worker"
    with instrumented(settings, service, sdk_runtime.install()) as telemetry:
        uvloop.run(serve(settings, served, WORK, telemetry=telemetry))


def contexts_named(arguments: Sequence[str] | None = None) -> Sequence[str]:
    """Return the contexts that the command line names, each once. The default is all contexts."""
    parser = argparse.ArgumentParser(description="Serve contexts of the order system from their task queues.")
    parser.add_argument("--context", action="append", choices=contexts.ALL, help="serve this one (default: all)")
    return list(dict.fromkeys(parser.parse_args(arguments).context or contexts.ALL))


if __name__ == "__main__":
    run_and_end(main)
