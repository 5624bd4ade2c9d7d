"""The deadlines for reports of visits, with skipped time (rule 10)."""

from dataclasses import replace
from datetime import timedelta

from temporalio.testing import WorkflowEnvironment

from tests.workflows import places
from tests.workflows.contexts import WINDOW
from tests.workflows.placed import Placed, refusal
from tests.workflows.stage import Stage
from tests.workflows.test_time import POLICY


async def test_a_visit_whose_outcome_is_not_known_in_time_asks_for_a_person_until_it_is(
    timeless: Stage, clock: WorkflowEnvironment
) -> None:
    timeless.contexts.first = tomorrow = await clock.get_current_time() + timedelta(days=1)
    reports = {
        "completed": places.complete,
        "incomplete": places.incomplete,
        "rescheduled": lambda order: order.reschedule(tomorrow + WINDOW),
        "given to another": places.reassign,
        "canceled": places.cancel,
    }
    orders = {name: await timeless.place(POLICY) for name in reports}
    beginning = await timeless.place(POLICY)
    of_before = await timeless.place(replace(POLICY, rounds=0, report_within=0))
    for order in (*orders.values(), beginning, of_before):
        await places.accepted(order)

    await clock.sleep(tomorrow + WINDOW + timedelta(minutes=59) - await clock.get_current_time())
    await beginning.start()
    assert [order.row.attention for order in timeless.placed] == [None] * len(timeless.placed)
    await clock.sleep(timedelta(minutes=2))

    for name, report in reports.items():
        asked = (await orders[name].until_attention("VISIT_UNREPORTED")).attention
        assert asked is not None
        due = tomorrow + WINDOW + timedelta(hours=1)
        assert due <= asked.since < due + timedelta(minutes=1)
        assert await refusal(orders[name].assign("nobody")) == "EngineerUnavailable"
        assert (await orders[name].order()).attention == asked
        await report(orders[name])
        await orders[name].until_attention(None)
    # One who has begun has not reported either.
    await beginning.until_attention("VISIT_UNREPORTED")
    assert (await of_before.order()).attention is None


async def test_no_time_that_was_set_for_a_visit_wakes_an_order_that_has_moved_on(
    timeless: Stage, clock: WorkflowEnvironment
) -> None:
    timeless.contexts.first = tomorrow = await clock.get_current_time() + timedelta(days=1)
    patient = replace(POLICY, answer_within=timedelta(days=30).total_seconds())
    moves = {
        "rescheduled": lambda order: order.reschedule(tomorrow + 50 * WINDOW),
        "failed": places.incomplete,
    }
    orders = {name: await timeless.place(patient) for name in moves}
    for name, order in orders.items():
        await places.accepted(order)
        await moves[name](order)
        await order.until_quiet()
    before = {name: await moments(order) for name, order in orders.items()}

    await clock.sleep(timedelta(days=3))

    assert {name: await moments(order) for name, order in orders.items()} == before
    # A visit at another time is to be reported at another time.
    rescheduled = orders["rescheduled"]
    await rescheduled.accept()
    await clock.sleep(timedelta(days=3))
    await rescheduled.until_attention("VISIT_UNREPORTED")


async def moments(order: Placed) -> int:
    """Return the number of events in the workflow's history."""
    return len((await order.handle.fetch_history()).events)
