"""Bare workflow with the same shape as an order, as a baseline for the cost of Temporal itself.

It has as many activities on as many queues, and the same messages, timers, search attributes, summaries, details and
payloads as an order that is placed, accepted and completed. It has no state machine, no refusals, no cancel, no
attention and no database.
"""

import asyncio
from datetime import datetime, timedelta
from typing import TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.common import contexts
    from domain.common.commands import Command
    from domain.installation import (
        ACCEPT_INSTALLATION,
        COMPLETE_INSTALLATION,
        REQUEST_INSTALLATION,
        EngineerAct,
        RecordAnswer,
        RequestInstallation,
    )
    from domain.management_center.assignments import ASSIGN_ENGINEER, CLOSE_ASSIGNMENT, AssignEngineer, CloseAssignment
    from domain.order_status.view import PROJECT_ORDER
    from domain.orders import Event, HistoryEntry, Order, OrderStatus, Subscription
    from workflows.orders import visibility

Input = TypeVar("Input")
Result = TypeVar("Result")


@workflow.defn
class BareWorkflow:
    """Assigns, requests, accepts and completes."""

    @workflow.init
    def __init__(self, subscription: Subscription) -> None:
        self.order = subscription.order
        self.policy = subscription.policy
        self.accepted_by = ""
        self.completed_by = ""

    @workflow.run
    async def run(self, subscription: Subscription) -> Order:  # noqa: ARG002 - `__init__` has taken it
        """Go through an order's statuses, and return the order."""
        order = self.order
        assigned = await self.start(
            ASSIGN_ENGINEER,
            AssignEngineer(
                order_id=order.order_id,
                installation_address=order.installation_address,
                product_id=order.product_id,
                ordered_at=order.history[0].at,
            ),
        )
        if (assignment := assigned.assignment) is None or assignment.visit is None:
            raise ValueError("the bare activity assigns somebody, and books a visit")
        order.region, order.visit = assignment.region, assignment.visit
        order.engineer_id, order.engineer_name = assignment.engineer_id, assignment.engineer_name
        self.note(OrderStatus.ENGINEER_ASSIGNED, Event.ORDER_ACCEPTED)
        await self.start(
            REQUEST_INSTALLATION,
            RequestInstallation(
                order.order_id,
                1,
                assignment.engineer_id,
                assignment.engineer_name,
                order.installation_address,
                order.customer_name,
                order.contact_phone,
                order.product_name,
                assignment.visit,
            ),
        )
        self.note(OrderStatus.INSTALLATION_REQUESTED, Event.INSTALLATION_REQUESTED)
        workflow.upsert_search_attributes(
            [
                visibility.ORDER_STATUS.value_set(order.status.value),
                visibility.REGION.value_set(assignment.region),
                visibility.ENGINEER_ID.value_set(assignment.engineer_id),
            ]
        )
        shown = self.start(PROJECT_ORDER, order)
        silence = self.timer(workflow.now(), self.policy.answer_within, "응답 기한 · Time to answer")
        await workflow.wait_condition(lambda: bool(self.accepted_by))
        silence.cancel()
        await self.start(ACCEPT_INSTALLATION, RecordAnswer(order.order_id, 1, workflow.now()))
        self.note(OrderStatus.INSTALLATION_ACCEPTED, Event.INSTALLATION_ACCEPTED)
        # This timer runs until the order ends.
        self.timer(assignment.visit.end, self.policy.report_within, "방문 결과 보고 기한 · Time to report the visit")
        workflow.upsert_search_attributes([visibility.ORDER_STATUS.value_set(order.status.value)])
        await shown
        shown = self.start(PROJECT_ORDER, order)
        await workflow.wait_condition(lambda: bool(self.completed_by))
        completing = self.start(COMPLETE_INSTALLATION, RecordAnswer(order.order_id, 1, workflow.now()))
        closing = self.start(CLOSE_ASSIGNMENT, CloseAssignment(order.order_id))
        await completing
        self.note(OrderStatus.JOIN_COMPLETED, Event.JOIN_COMPLETED)
        workflow.upsert_search_attributes([visibility.ORDER_STATUS.value_set(order.status.value)])
        await shown
        shown = self.start(PROJECT_ORDER, order)
        await closing
        await shown
        await workflow.wait_condition(workflow.all_handlers_finished)
        return order

    @workflow.update
    async def accept(self, act: EngineerAct) -> None:
        """The engineer accepts the installation."""
        self.accepted_by = act.engineer_id
        await workflow.wait_condition(lambda: self.order.status is OrderStatus.INSTALLATION_ACCEPTED)

    @workflow.update
    async def complete(self, act: EngineerAct) -> None:
        """The engineer reports completion."""
        self.completed_by = act.engineer_id
        await workflow.wait_condition(lambda: self.order.status is OrderStatus.JOIN_COMPLETED)

    def note(self, status: OrderStatus, event: Event) -> None:
        """Record an event and its status."""
        self.order.status = status
        self.order.history.append(HistoryEntry(event, workflow.now()))
        workflow.set_current_details(status)

    def timer(self, after: datetime, seconds: float, summary: str) -> asyncio.Task[None]:
        """Start a timer that fires some seconds after a point in time."""
        left = after + timedelta(seconds=seconds) - workflow.now()
        return asyncio.create_task(workflow.sleep(left, summary=summary))

    def start(self, command: Command[Input, Result], command_input: Input) -> workflow.ActivityHandle[Result]:
        """Start an activity on its own queue, whose name begins like that of the workflow's."""
        prefix = workflow.info().task_queue.removesuffix(contexts.ORDERS)
        return workflow.start_activity(
            command.name,
            command_input,
            task_queue=prefix + command.context,
            result_type=command.result_type,
            summary=command.summary,
            start_to_close_timeout=timedelta(seconds=self.policy.try_for),
        )
