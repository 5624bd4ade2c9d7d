"""The dispatcher of all regions, which the release before calls, notifies the orders one after another.

No order that does not answer blocks the others.
"""

import asyncio
from datetime import timedelta

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from domain.management_center.dispatch import FIND_DUE, TELL_ORDER, Due
from tests.workflows.dispatching import EVER, Center, dispatching, orders
from tests.workflows.waiting import eventually, within


async def test_those_who_are_due_are_told_one_after_another_in_their_order_until_nobody_is(client: Client) -> None:
    center = Center(due=orders("c", "a", "b"))
    async with dispatching(client, center) as call:
        handle = await call()
        await within(handle.result())
        history = await handle.fetch_history()

    assert center.told == [("c", 1), ("a", 1), ("b", 1)]
    assert center.looked == [[], []]
    assert center.most_at_once == 1
    # A worker of the release before can go on with it.
    assert EventType.EVENT_TYPE_MARKER_RECORDED not in {event.event_type for event in history.events}


async def test_who_does_not_answer_or_stays_due_is_put_off_and_the_others_are_told(client: Client) -> None:
    """An order that is due again in a later round is notified of that round."""
    center = Center(due=orders("silent", "stubborn", "a"), silent={"silent"}, stubborn={"stubborn"}, postpones=False)
    gate = center.faults.hold(TELL_ORDER.name, order_id="a", tries=1)
    async with dispatching(client, center) as call:
        handle = await call()
        await gate.until_reached()
        center.due.append(Due("a", 2))
        gate.open()
        await within(handle.result())

    assert center.told == [("stubborn", 1), ("a", 1), ("a", 2)]
    assert center.looked == [[], ["silent"], ["silent", "stubborn"]]


async def test_a_call_while_the_last_look_is_under_way_is_not_lost(client: Client) -> None:
    center = Center()
    gate = center.faults.hold(FIND_DUE.name, done=True, tries=1)
    async with dispatching(client, center) as call:
        handle = await call()
        await gate.until_reached()
        center.due += orders("late")
        await call()
        gate.open()
        await within(handle.result())

    assert center.told == [("late", 1)]


async def test_calls_at_any_moment_are_heard(client: Client) -> None:
    """A dispatcher that is just ending hears the call, too."""
    center = Center()
    async with dispatching(client, center) as call:
        for number in range(20):
            center.due += orders(str(number))
            await call()
            await asyncio.sleep(0.005 * (number % 5))

        async def all_told() -> bool:
            return not center.due

        await eventually(all_told)
        await within((await call()).result())

    assert [order_id for order_id, _ in center.told] == [str(number) for number in range(20)]


async def test_an_order_that_cannot_be_told_is_given_up_after_a_while_and_a_center_that_is_away_is_not(
    clock: WorkflowEnvironment,
) -> None:
    center = Center(due=orders("broken", "a"))
    center.faults.fail(FIND_DUE.name, times=50)
    center.faults.fail(TELL_ORDER.name, order_id="broken", times=EVER)
    async with dispatching(clock.client, center) as call:
        handle = await call()
        await within(handle.result())
        ran = await handle.describe()

    assert center.told == [("a", 1)]
    assert center.looked[-1] == ["broken"]
    assert ran.close_time is not None
    assert timedelta(minutes=7) < ran.close_time - ran.start_time < timedelta(minutes=10)


async def test_a_long_one_goes_on_in_a_new_run_and_tries_again_whom_it_has_put_off(client: Client) -> None:
    ids = [f"{number:02}" for number in range(30)]
    center = Center(due=orders(*ids), silent={"00"}, postpones=False)
    async with dispatching(client, center) as call:
        handle = await call()
        await within(handle.result())
        first = await client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id).describe()

    assert first.status is WorkflowExecutionStatus.CONTINUED_AS_NEW
    assert [order_id for order_id, _ in center.told] == ids[1:]
    assert center.looked.count([]) > 1
    assert center.looked[-1] == ["00"]
