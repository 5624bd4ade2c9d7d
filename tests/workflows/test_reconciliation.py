"""A pass of the reconciliation covers every part of the view once, even if single orders fail."""

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client, Schedule, ScheduleActionStartWorkflow, ScheduleHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.workflow import NondeterminismError

from domain.common.commands import Command
from domain.common.times import UNSET
from domain.erasure import BEFORE_VIEW, CustomersOrders
from domain.installation import OrderDetails
from domain.order_status.reconciliation import (
    ADD_DETAILS,
    END_INSTALLATION,
    FIND_DETAILS,
    FIND_EXPIRED,
    FIND_LACKING_DETAILS,
    FORGET,
    PARTS,
    RECOUNT,
    SCHEDULE_ID,
    Found,
    Reconciliation,
    Repair,
)
from domain.orders import Order, OrderStatus
from runtime import schedules
from runtime.schedules import schedule_reconciliation
from runtime.settings import Settings
from tests.workflows.histories import read
from tests.workflows.passes import Looked, looking, runs_of
from tests.workflows.stage import replay
from tests.workflows.waiting import eventually, within

EVER = 10**9


@pytest.fixture
async def scheduling(client: Client) -> AsyncIterator[Client]:
    """Remove the schedule from the server, before and after the test."""
    await schedule_reconciliation(client, Settings(reconcile_every=0))
    yield client
    await schedule_reconciliation(client, Settings(reconcile_every=0))


async def only_triggered(client: Client) -> ScheduleHandle:
    """Return the schedule, whose passes do not begin by themselves: it is due at midnight, as a test may run."""
    schedule = client.get_schedule_handle(SCHEDULE_ID)
    await schedule.pause()
    return schedule


async def test_a_pass_looks_at_every_page_of_every_part_and_forgets_until_nothing_is_left(client: Client) -> None:
    looked = Looked(
        {
            None: [Found(repaired={Repair.MISSED: 2}), Found(repaired={Repair.MISSED: 1, Repair.STALE: 1})],
            OrderStatus.AWAITING_ENGINEER: [Found(), Found(), Found(repaired={Repair.UNANSWERED: 1})],
        },
        changes=[500, 20],
    )
    async with looking(client, looked) as reconcile:
        done = await within(reconcile(Reconciliation(keep_for=60)))

    assert [(look.status, look.after) for look in looked.looks] == [
        (None, None),
        (None, "1"),
        (OrderStatus.JOIN_ORDERED, None),
        *((OrderStatus.AWAITING_ENGINEER, after) for after in (None, "1", "2")),
        *((status, None) for status in PARTS[3:]),
    ]
    assert done.repaired == {Repair.MISSED: 3, Repair.STALE: 1, Repair.UNANSWERED: 1}
    assert looked.kept_for == [60, 60, 60, 60]
    assert {look.until for look in looked.looks} == {done.since}


async def test_the_view_forgets_what_is_kept_no_longer_once_the_others_have_erased_it(client: Client) -> None:
    looked = Looked(expired=[["o1", "o2"], ["o3"]])
    async with looking(client, looked) as reconcile:
        done = await within(reconcile(Reconciliation(keep_for=60)))

    assert done.repaired == {Repair.EXPIRED: 3}
    assert looked.lost == [
        (step, order_ids)
        for order_ids in (["o1", "o2"], ["o3"])
        for step in ("erase_installations", "erase_assignments", "forget_orders")
    ]
    assert looked.kept_for == [60, 60, 60, 60]


@pytest.mark.parametrize("down", BEFORE_VIEW, ids=lambda command: command.context)
async def test_nothing_is_forgotten_that_a_context_cannot_erase_now_and_the_pass_succeeds_all_the_same(
    clock: WorkflowEnvironment, down: Command[CustomersOrders, None]
) -> None:
    looked = Looked(expired=[["o1", "o2"], ["o3"]])
    looked.faults.fail(down.name, times=EVER)
    async with looking(clock.client, looked) as reconcile:
        done = await within(reconcile(Reconciliation(keep_for=60)))
        assert done.repaired == {Repair.UNANSWERED: 2}
        assert FORGET.name not in [step for step, _ in looked.lost]
        assert looked.kept_for == [60, 60]

        looked.faults.heal()
        done = await within(reconcile(Reconciliation(keep_for=60)))
    assert done.repaired == {Repair.EXPIRED: 3}
    assert looked.expired == []


async def test_a_terminated_order_is_ended_in_every_context_before_it_is_shown_so(client: Client) -> None:
    order = Order("o1", customer_name="김고객", note="2층", product_id="2001", installation_address="Seoul")
    order.status, order.region = OrderStatus.INSTALLATION_REQUESTED, "KR-11"
    looked = Looked({OrderStatus.INSTALLATION_REQUESTED: [Found(ended=[order])]})
    async with looking(client, looked) as reconcile:
        done = await within(reconcile())

    assert done.repaired == {Repair.ENDED: 1}
    assert looked.closed == ["o1"]
    assert [(ended.order, ended.installation.reason) for ended in looked.ended] == [
        (order, "the workflow was terminated")
    ]
    installation = looked.ended[0].installation
    assert (installation.region, installation.customer_note, installation.product_id) == ("KR-11", "2층", "2001")


async def test_an_order_that_cannot_be_ended_now_is_left_to_the_next_pass(clock: WorkflowEnvironment) -> None:
    looked = Looked({None: [Found(ended=[Order("o1"), Order("o2")])]})
    looked.faults.fail(END_INSTALLATION.name, order_id="o1", times=EVER)
    async with looking(clock.client, looked) as reconcile:
        done = await within(reconcile())

    assert done.repaired == {Repair.UNANSWERED: 1, Repair.ENDED: 1}
    assert [ended.order.order_id for ended in looked.ended] == ["o2"]


async def test_an_order_that_somebody_cancels_is_ended_however_long_that_takes(clock: WorkflowEnvironment) -> None:
    looked = Looked({None: [Found(ended=[Order("o1")])]})
    looked.faults.fail(END_INSTALLATION.name, order_id="o1", times=20)
    async with looking(clock.client, looked) as reconcile:
        done = await within(reconcile(Reconciliation(only="o1")))

    assert done.repaired == {Repair.ENDED: 1}
    assert [look.only for look in looked.looks] == ["o1"]
    assert [ended.order.order_id for ended in looked.ended] == ["o1"]


async def test_installations_of_an_earlier_release_get_what_they_lack(client: Client) -> None:
    looked = Looked(lacking=["o1", "o2", "o3"], unknown=["o2"])
    async with looking(client, looked) as reconcile:
        done = await within(reconcile())

    assert looked.added == [OrderDetails(order_id, "KR-11", "note", "2001") for order_id in ("o1", "o3")]
    assert looked.looked_after == ["", "o1", "o2", "o3"]
    assert (done.repaired, done.details_after) == ({}, "")


async def test_a_pass_that_has_taken_its_time_leaves_the_rest_of_the_view_to_the_next(
    scheduling: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each pass checks all workflows that were started recently, and a page of the view at least."""
    monkeypatch.setattr(schedules, "Reconciliation", lambda **_: Reconciliation(lasts_for=1e-6))
    looked = Looked({None: [Found(), Found()], PARTS[1]: [Found(), Found()]})
    async with looking(scheduling, looked) as reconcile:
        await schedule_reconciliation(scheduling, Settings(reconcile_every=86_400))
        schedule = await only_triggered(scheduling)

        async def finished(passes: int) -> bool:
            running = (await schedule.describe()).info.running_actions
            return len(looked.kept_for) == passes and not running

        for number in (1, 2, 3):
            await schedule.trigger()
            await eventually(partial(finished, number))
        assert [(look.status, look.after) for look in looked.looks if look.status] == [
            (PARTS[1], None),
            (PARTS[1], "1"),
            (PARTS[2], None),
        ]
        assert [look.after for look in looked.looks if not look.status] == [None, "1"] * 3

        # After the last part, the next pass begins with the first one.
        last = len(PARTS) - 1
        done = await within(reconcile(Reconciliation(lasts_for=1e-6, rest_part=last)))
    assert (looked.looks[-1].status, done.rest_part, done.rest_after) == (PARTS[last], 1, None)


async def test_a_pass_says_how_many_orders_were_counted_wrongly(client: Client) -> None:
    looked = Looked(miscounted=[3])
    async with looking(client, looked) as reconcile:
        assert (await within(reconcile())).repaired == {Repair.MISCOUNTED: 3}
        assert (await within(reconcile())).repaired == {}


async def test_a_pass_succeeds_where_nobody_can_count_now(clock: WorkflowEnvironment) -> None:
    """The read model may be down, or its workers may be of the previous release."""
    looked = Looked(miscounted=[3])
    looked.faults.fail(RECOUNT.name, times=EVER)
    async with looking(clock.client, looked) as reconcile:
        assert (await within(reconcile())).repaired == {Repair.UNANSWERED: 1}

        looked.faults.heal()
        assert (await within(reconcile())).repaired == {Repair.MISCOUNTED: 3}


@pytest.mark.parametrize("down", [FIND_LACKING_DETAILS, FIND_DETAILS, ADD_DETAILS], ids=lambda command: command.name)
async def test_a_context_that_is_away_puts_off_the_details_and_nothing_else(
    clock: WorkflowEnvironment, down: Command[Any, Any]
) -> None:
    """The same holds for a context whose workers are of the previous release."""
    looked = Looked(lacking=["o1"])
    looked.faults.fail(down.name, times=EVER)
    async with looking(clock.client, looked) as reconcile:
        done = await within(reconcile(Reconciliation(keep_for=60)))
        assert (done.repaired, done.details_after, looked.added) == ({}, "", [])
        assert looked.kept_for == [60, 60]

        looked.faults.heal()
        await within(reconcile())
    assert [details.order_id for details in looked.added] == ["o1"]


async def test_a_long_pass_goes_on_in_a_new_run_with_what_it_has_found(client: Client) -> None:
    looked = Looked(
        {None: [Found(repaired={Repair.STALE: 1}) for _ in range(40)]}, expired=[[f"o{n}"] for n in range(8)]
    )
    async with looking(client, looked) as reconcile:
        done = await within(reconcile(Reconciliation(keep_for=60), named="long-pass"))
        first = await client.get_workflow_handle("long-pass").describe()

    assert done.repaired == {Repair.STALE: 40, Repair.EXPIRED: 8}
    assert [look.after for look in looked.looks if look.status is None] == [None, *map(str, range(1, 40))]
    assert first.raw_description.workflow_execution_info.first_run_id != first.run_id


async def test_a_pass_that_forgets_many_changes_goes_on_in_new_runs(client: Client) -> None:
    looked = Looked({None: [Found(repaired={Repair.STALE: 1})]}, expired=[["o1"]], changes=[500] * 100)
    async with looking(client, looked) as reconcile:
        done = await within(reconcile(Reconciliation(keep_for=60), named="many-changes"))
        runs = await runs_of(client, "many-changes")

    assert looked.changes == []
    assert done.repaired == {Repair.STALE: 1, Repair.EXPIRED: 1}
    assert {look.until for look in looked.looks} == {done.since}
    # The tests' server suggests a new run after 100 events.
    assert len(runs) > 5
    assert max(len(run.events) for run in runs) < 130
    # Every run but the first goes on with the changes at once.
    found_expired = [
        sum(
            event.activity_task_scheduled_event_attributes.activity_type.name == FIND_EXPIRED.name
            for event in run.events
        )
        for run in runs
    ]
    assert found_expired == [2, *[0] * (len(runs) - 1)]


async def test_a_long_pass_of_the_release_before_ends_in_the_run_that_it_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    before = read("a_pass_that_goes_on_in_a_new_run_by_0c8ab7f")
    await replay(before)

    monkeypatch.setattr(workflow, "patched", lambda _: True)
    with pytest.raises(NondeterminismError):
        await replay(before)


async def test_a_scheduled_pass_that_needs_several_runs_is_one_pass(scheduling: Client) -> None:
    looked = Looked(changes=[500] * 50)
    async with looking(scheduling, looked):
        await schedule_reconciliation(scheduling, Settings(reconcile_every=86_400, view_retention=400_000))
        schedule = await only_triggered(scheduling)

        async def finished(passes: int) -> bool:
            running = (await schedule.describe()).info.running_actions
            return len(looked.looks) == passes * len(PARTS) and not looked.changes and not running

        for number in (1, 2):
            await schedule.trigger()
            await eventually(partial(finished, number))

    first, second = looked.looks[0], looked.looks[len(PARTS)]
    assert second.since == first.until - timedelta(minutes=10)


async def test_a_scheduled_pass_begins_where_the_one_before_has_come_to(scheduling: Client) -> None:
    lacking = [f"o{number:02}" for number in range(25)]
    looked = Looked(lacking=list(lacking), unknown=lacking)
    async with looking(scheduling, looked):
        await schedule_reconciliation(scheduling, Settings(reconcile_every=86_400))
        schedule = await only_triggered(scheduling)

        async def finished(passes: int) -> bool:
            running = (await schedule.describe()).info.running_actions
            return len(looked.kept_for) == passes and not running

        for number in (1, 2):
            await schedule.trigger()
            await eventually(partial(finished, number))

    first, second = looked.looks[0], looked.looks[len(PARTS)]
    assert first.since == UNSET
    assert second.since == first.until - timedelta(minutes=10)
    # A pass looks at so many that lack details, and the next one at the others.
    assert looked.looked_after == ["", *lacking]


async def test_the_schedule_is_as_the_settings_say_and_an_operators_pause_stays(scheduling: Client) -> None:
    schedule = scheduling.get_schedule_handle(SCHEDULE_ID)

    async def described() -> Schedule:
        return (await schedule.describe()).schedule

    await schedule_reconciliation(scheduling, Settings(reconcile_every=600))
    await schedule.pause(note="by hand")
    await schedule_reconciliation(scheduling, Settings(reconcile_every=60, view_retention=400_000))

    known = await described()
    assert [interval.every for interval in known.spec.intervals] == [timedelta(minutes=1)]
    assert isinstance(known.action, ScheduleActionStartWorkflow)
    (plan,) = await scheduling.data_converter.decode(known.action.args, [Reconciliation])
    assert (plan.keep_for, plan.lasts_for) == (400_000, 60)
    assert known.state.paused

    await schedule_reconciliation(scheduling, Settings(reconcile_every=0))
    with pytest.raises(RPCError) as gone:
        await described()
    assert gone.value.status is RPCStatusCode.NOT_FOUND
