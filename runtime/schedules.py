"""Schedules: workflows that Temporal starts periodically."""

import logging
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.common import contexts
from domain.common.texts import PlainText
from domain.order_status.reconciliation import SCHEDULE_ID, WORKFLOW_ID, WORKFLOW_TYPE, Reconciliation
from runtime.settings import Settings

_WITHIN = timedelta(seconds=5)
_CATCH_UP = timedelta(minutes=1)
"""A pass that was due while the server was down is not started later: the next pass covers the same."""

_log = logging.getLogger(__name__)


async def schedule_reconciliation(client: Client, settings: Settings) -> None:
    """Create, update or delete the schedule of the reconciliation, as the settings say. A pause by an operator stays.

    If the server denies permission, an operator has to do this instead.

    Raises:
        RPCError: the server does not answer.
    """
    try:
        if settings.reconcile_every:
            await _create_or_update(client, settings)
        else:
            await _delete(client)
    except RPCError as error:
        if error.status is not RPCStatusCode.PERMISSION_DENIED:
            raise
        _log.warning("could not schedule the reconciliation; an operator has to do it: %s", error.message)


async def _create_or_update(client: Client, settings: Settings) -> None:
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            WORKFLOW_TYPE,
            Reconciliation(keep_for=settings.view_retention or 0, lasts_for=settings.reconcile_every),
            id=WORKFLOW_ID,
            task_queue=contexts.ORDER_STATUS,
            static_summary=PlainText("진행상태 대사 · Reconciliation of the progress view"),
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(timedelta(seconds=settings.reconcile_every))]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=_CATCH_UP),
    )
    try:
        await client.create_schedule(SCHEDULE_ID, schedule, rpc_timeout=_WITHIN)
    except ScheduleAlreadyRunningError:
        handle = client.get_schedule_handle(SCHEDULE_ID)

        def updated(known: ScheduleUpdateInput) -> ScheduleUpdate:
            schedule.state = known.description.schedule.state
            return ScheduleUpdate(schedule)

        await handle.update(updated, rpc_timeout=_WITHIN)


async def _delete(client: Client) -> None:
    try:
        await client.get_schedule_handle(SCHEDULE_ID).delete(rpc_timeout=_WITHIN)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
