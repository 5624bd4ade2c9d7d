"""Contexts of a newer release answer with unknown values. The saga continues, and shows them as text."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from temporalio import activity
from temporalio.client import Client

from domain.installation import (
    ACCEPT_INSTALLATION,
    COMPLETE_INSTALLATION,
    REQUEST_INSTALLATION,
    InstallationStatus,
    RecordAnswer,
    RequestInstallation,
)
from domain.management_center.assignments import ASSIGN_ENGINEER, AssignEngineer, AssignmentOutcome, AssignmentRefusal
from domain.order_status.reconciliation import Found, Reconciled, Reconciliation, Repair
from domain.orders import Order, OrderStatus
from tests.workflows import places
from tests.workflows.contexts import Contexts
from tests.workflows.passes import Looked, looking
from tests.workflows.stage import Stage
from tests.workflows.waiting import within

NEWER = "OF_A_NEWER_RELEASE"


@dataclass
class NewerContexts(Contexts):
    """Contexts that carry out requests, and answer with other values."""

    @activity.defn(name=REQUEST_INSTALLATION.name)
    async def request_installation(self, asked: RequestInstallation) -> InstallationStatus:
        await super().request_installation(asked)
        return InstallationStatus(NEWER)

    @activity.defn(name=ACCEPT_INSTALLATION.name)
    async def accept_installation(self, asked: RecordAnswer) -> InstallationStatus:
        await super().accept_installation(asked)
        return InstallationStatus(NEWER)

    @activity.defn(name=COMPLETE_INSTALLATION.name)
    async def complete_installation(self, asked: RecordAnswer) -> InstallationStatus:
        await super().complete_installation(asked)
        return InstallationStatus(NEWER)

    @activity.defn(name=ASSIGN_ENGINEER.name)
    async def assign_engineer(self, asked: AssignEngineer) -> AssignmentOutcome:
        outcome = await super().assign_engineer(asked)
        if outcome.refusal is AssignmentRefusal.NO_CAPACITY:
            outcome.refusal = AssignmentRefusal(NEWER)
        return outcome

    def check(self, order: Order) -> None:
        """Check an order without a reason of the newer release, which the rules do not know."""
        theirs = order.attention is not None and order.attention.reason == NEWER
        super().check(replace(order, attention=None) if theirs else order)


@pytest.fixture
async def stage(client: Client) -> AsyncIterator[Stage]:
    stage = Stage(client)
    stage.contexts = NewerContexts()
    async with stage:
        yield stage


async def test_an_order_goes_on_whatever_its_installation_is_called(stage: Stage) -> None:
    order = await stage.place()
    await places.accepted(order)
    await order.complete()

    assert (await order.result()).status is OrderStatus.JOIN_COMPLETED


async def test_a_manager_is_told_a_refusal_as_it_was_given(stage: Stage) -> None:
    stage.contexts.windows = 0
    order = await stage.place()

    waiting = await order.until_attention(NEWER)

    assert waiting.status is OrderStatus.AWAITING_ENGINEER
    assert (waiting.history[-1].event, waiting.history[-1].detail) == ("EngineerAwaited", NEWER)
    stage.contexts.windows = 10
    await order.assign("e2")
    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e2")
    await order.cancel()
    assert (await order.result()).status is OrderStatus.ORDER_CANCELED


async def test_a_pass_counts_and_ends_what_a_newer_release_has_found(client: Client) -> None:
    """The run was started by a worker of that release."""
    looked = Looked({None: [Found(repaired={Repair(NEWER): 2}, ended=[Order("o1", status=OrderStatus(NEWER))])]})
    async with looking(client, looked) as reconcile:
        done: Reconciled = await within(reconcile(Reconciliation(repaired={Repair(NEWER): 1})))

    assert done.repaired == {NEWER: 3, Repair.ENDED: 1}
    assert [ended.order.status for ended in looked.ended] == [NEWER]
