"""The read model is updated beside the saga, and never blocks it (rule 9)."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from domain.order_policy import OrderPolicy
from domain.order_status.view import PROJECT_ORDER
from domain.orders import OrderStatus
from tests.workflows import places
from tests.workflows.placed import Placed, Way, refusal
from tests.workflows.stage import QUICK, Stage
from tests.workflows.waiting import passing, skip

EVER = 10**9
WEEK = timedelta(seconds=OrderPolicy.projection_patience)
HAD = (OrderStatus.INSTALLATION_REQUESTED, OrderStatus.INSTALLATION_ACCEPTED)
POLICY = OrderPolicy(retry_at_most_every=6 * 60 * 60)
"""Long retry intervals, for a test in which a week passes."""


@pytest.fixture
async def asking(clock: WorkflowEnvironment) -> AsyncIterator[Stage]:
    """A stage on the server that skips time. Its orders ask to cancel a sending, so that it does not go on beside them.

    No workflow task is lost by that if each sending that is canceled fails, and so does not complete at the same time.
    """
    async with Stage(clock.client) as stage:
        yield stage


async def running(order: Placed) -> bool:
    return (await order.handle.describe()).status is WorkflowExecutionStatus.RUNNING


async def limits(order: Placed) -> list[timedelta]:
    """Return the time limit of each sending of the order, in whole milliseconds. Zero: none."""
    sent = await order.scheduled(PROJECT_ORDER.name)
    return [timedelta(milliseconds=sending.schedule_to_close_timeout.ToMilliseconds()) for sending in sent]


async def test_a_sending_has_no_time_limit_while_the_order_is_open_and_then_that_of_a_step(stage: Stage) -> None:
    orders = {way: await stage.place() for way in (None, *Way)}
    for way, order in orders.items():
        await places.accepted(order)
        await order.until(OrderStatus.INSTALLATION_ACCEPTED)
        await (order.cancel(way) if way else order.complete())
        await order.result()

    for order in orders.values():
        *open_, last = await limits(order)
        assert set(open_) == {timedelta()}
        assert last == timedelta(seconds=OrderPolicy.attention_after)


async def test_a_last_state_for_which_the_time_of_a_step_was_not_enough_is_sent_once_more(
    timeless: Stage, clock: WorkflowEnvironment
) -> None:
    order = await timeless.place()
    await places.accepted(order)
    await order.until(OrderStatus.INSTALLATION_ACCEPTED)
    timeless.contexts.faults.fail(PROJECT_ORDER.name, times=EVER)
    sent = len(await limits(order))

    await order.complete()
    await order.until_sent(PROJECT_ORDER.name, times=sent + 1)
    await clock.sleep(timedelta(seconds=OrderPolicy.attention_after))
    await order.until_sent(PROJECT_ORDER.name, times=sent + 2)
    timeless.contexts.faults.heal()
    await order.result()

    *_, first, again = await limits(order)
    assert first == timedelta(seconds=OrderPolicy.attention_after)
    assert first < again < WEEK
    assert len(await limits(order)) == sent + 2


async def test_a_last_state_whose_try_hangs_is_sent_once_more(stage: Stage) -> None:
    order = await stage.place(replace(QUICK, attention_after=3))
    await places.accepted(order)
    await order.until(OrderStatus.INSTALLATION_ACCEPTED)
    await order.until_quiet()
    sent = len(await limits(order))

    gate = stage.contexts.faults.hold(PROJECT_ORDER.name)
    await order.complete()
    await order.until_sent(PROJECT_ORDER.name, times=sent + 2)
    gate.open()
    await order.result()

    assert len(await limits(order)) == sent + 2


async def test_a_dead_read_model_delays_nothing_but_the_close_and_that_for_a_week_at_most(
    timeless: Stage, clock: WorkflowEnvironment
) -> None:
    """Whether it died before the first state of the order, or when it had some state of it."""
    faults = timeless.contexts.faults
    orders: dict[tuple[OrderStatus | None, Way | None], Placed] = {}
    for had, way in (*((None, way) for way in Way), *((had, None) for had in (None, *HAD))):
        order_id = timeless.new_id()
        if had is None:
            faults.fail(PROJECT_ORDER.name, times=EVER, order_id=order_id)
        order = orders[had, way] = await timeless.place(POLICY, order_id=order_id)
        await order.until_told(OrderStatus.INSTALLATION_REQUESTED)
        for status in HAD:
            if had is status:
                await order.until(status)
                faults.fail(PROJECT_ORDER.name, times=EVER, order_id=order_id)
            if status is OrderStatus.INSTALLATION_REQUESTED:
                await order.accept()
        ended = OrderStatus.ORDER_CANCELED if way else OrderStatus.JOIN_COMPLETED
        await (order.cancel(way) if way else order.complete())
        await order.until_told(ended)
        assert (await order.order()).attention is None
        await timeless.contexts.until(lambda: order_id in timeless.contexts.closed)  # noqa: B023

    await skip(clock, timedelta(days=6, hours=12))
    for order in orders.values():
        assert await running(order)
        *_, first, again = await limits(order)
        assert first == timedelta(seconds=OrderPolicy.attention_after)
        assert WEEK - 2 * first < again < WEEK
    async with passing(clock, timedelta(hours=13)):
        for (_, way), order in orders.items():
            ended = OrderStatus.ORDER_CANCELED if way else OrderStatus.JOIN_COMPLETED
            assert (await order.result(projected=False)).status is ended


async def test_a_refused_cancel_does_not_make_the_week_longer(timeless: Stage, clock: WorkflowEnvironment) -> None:
    timeless.contexts.faults.fail(PROJECT_ORDER.name, times=EVER)
    order = await timeless.place(POLICY)
    await order.until_told(OrderStatus.INSTALLATION_REQUESTED)
    await order.accept()
    await order.complete()
    await timeless.contexts.until(lambda: order.order_id in timeless.contexts.closed)
    await skip(clock, timedelta(days=4))

    assert await refusal(order.cancel()) == "OrderCancelRejected"

    async with passing(clock, timedelta(days=3, hours=1)):
        assert (await order.result(projected=False)).status is OrderStatus.JOIN_COMPLETED


async def test_a_read_model_that_comes_back_within_the_week_has_the_last_state(
    asking: Stage, clock: WorkflowEnvironment
) -> None:
    asking.contexts.faults.fail(PROJECT_ORDER.name, times=EVER)
    order = await asking.place(POLICY)
    await order.until_told(OrderStatus.INSTALLATION_REQUESTED)
    await order.cancel()
    await skip(clock, timedelta(days=6))

    asking.contexts.faults.heal()
    async with passing(clock, timedelta(hours=7)):
        ended = await order.result()

    assert asking.contexts.projected[order.order_id] == [ended]


async def test_an_open_order_is_stored_however_long_the_read_model_was_away(
    timeless: Stage, clock: WorkflowEnvironment
) -> None:
    timeless.contexts.engineers = []
    timeless.contexts.faults.fail(PROJECT_ORDER.name, times=EVER)
    order = await timeless.place(POLICY)
    await order.until_told(OrderStatus.AWAITING_ENGINEER)
    await skip(clock, timedelta(days=8))

    timeless.contexts.faults.heal()
    await skip(clock, timedelta(hours=7))

    await order.until_attention("NO_ENGINEER")


async def test_what_changes_while_a_state_is_being_stored_merges_into_the_next(stage: Stage) -> None:
    gate = stage.contexts.faults.hold(PROJECT_ORDER.name, tries=1)
    order = await stage.place()
    await gate.until_reached()

    await order.accept()
    await order.assign("e2")
    await order.until_told(OrderStatus.INSTALLATION_REQUESTED)
    await order.accept("e2")
    assert stage.contexts.called(order.order_id).count(PROJECT_ORDER.name) == 1
    gate.open()

    await order.until(OrderStatus.INSTALLATION_ACCEPTED)
    first, second = stage.contexts.projected[order.order_id]
    assert first.status is OrderStatus.INSTALLATION_REQUESTED
    assert second.engineer_id == "e2"
    assert first.version < second.version


async def test_a_state_that_is_stored_late_does_not_overwrite_a_newer_one(stage: Stage) -> None:
    gate = stage.contexts.faults.hold(PROJECT_ORDER.name, tries=1)
    order = await stage.place(replace(OrderPolicy(), try_for=0.5, retry_at_most_every=0.05))
    await gate.until_reached()
    await order.cancel()
    ended = await order.result()

    gate.open()
    await stage.contexts.finished(order.order_id)

    assert order.row == ended


async def test_an_order_is_stored_once_for_each_time_that_it_waits(stage: Stage) -> None:
    order = await stage.place()
    await places.accepted(order)
    await order.until(OrderStatus.INSTALLATION_ACCEPTED)
    await order.complete()
    await order.result()

    stored = Counter(row.status for row in stage.contexts.projected[order.order_id])
    assert stored == dict.fromkeys(
        (OrderStatus.INSTALLATION_REQUESTED, OrderStatus.INSTALLATION_ACCEPTED, OrderStatus.JOIN_COMPLETED), 1
    )
