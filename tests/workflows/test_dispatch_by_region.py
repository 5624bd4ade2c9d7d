"""Each region has a dispatcher: it asks orders that wait one after another, and hands several visits over at once."""

from contextlib import suppress

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError
from temporalio.workflow import NondeterminismError

from domain.management_center.dispatch import (
    FIND_DUE,
    NO_REGION,
    TELL_ORDER,
    WORKFLOW_ID,
    Due,
    region_of,
    workflow_id_of,
)
from tests.workflows.dispatching import BUSAN, SEOUL, Center, dispatching, orders
from tests.workflows.stage import replay
from tests.workflows.waiting import eventually, within

IN_SEOUL, IN_BUSAN = workflow_id_of(SEOUL), workflow_id_of(BUSAN)


@pytest.fixture
async def client(client: Client) -> Client:
    """The client of a server on which no dispatcher is left by another test."""
    for dispatch_id in (IN_SEOUL, IN_BUSAN):
        with suppress(RPCError):  # none runs
            await client.get_workflow_handle(dispatch_id).terminate()
    return client


def test_the_id_of_a_dispatcher_tells_its_region() -> None:
    regions = [SEOUL, BUSAN, NO_REGION]
    assert [region_of(workflow_id_of(region)) for region in regions] == regions
    assert len({WORKFLOW_ID, *map(workflow_id_of, regions)}) == 4
    assert region_of(WORKFLOW_ID) is None


async def test_visits_are_handed_over_ten_at_a_time(client: Client) -> None:
    ids = [f"{number:02}" for number in range(25)]
    center = Center(due=orders(*ids))
    gates = [center.faults.hold(TELL_ORDER.name, order_id=order_id, tries=1) for order_id in ids[:10]]
    async with dispatching(client, center) as call:
        handle = await call(IN_SEOUL)
        for gate in gates:
            await gate.until_reached()
        assert center.told == []
        for gate in gates:
            gate.open()
        await within(handle.result())

    assert {order_id for order_id, _ in center.told} == {*ids}
    assert (center.most_at_once, len(center.told), len(center.looked)) == (10, 25, 3)


async def test_orders_that_wait_are_asked_one_after_another_in_their_order(client: Client) -> None:
    center = Center(due=orders("c", "a", "b"), waiting=True)
    async with dispatching(client, center) as call:
        await within((await call(IN_SEOUL)).result())

    assert center.told == [("c", 1), ("a", 1), ("b", 1)]
    assert (center.most_at_once, len(center.looked)) == (1, 4)


@pytest.mark.parametrize("waiting", [True, False])
async def test_an_order_that_does_not_answer_holds_up_no_other_region_and_no_other_visit(
    client: Client, *, waiting: bool
) -> None:
    center = Center(due=orders("held", "behind", "elsewhere"), regions={"elsewhere": BUSAN}, waiting=waiting)
    gate = center.faults.hold(TELL_ORDER.name, order_id="held", tries=1)
    async with dispatching(client, center) as call:
        handle = await call(IN_SEOUL)
        await gate.until_reached()
        await within((await call(IN_BUSAN)).result())
        expected = {"elsewhere"} if waiting else {"elsewhere", "behind"}

        async def told() -> bool:
            return {order_id for order_id, _ in center.told} == expected

        await eventually(told)
        gate.open()
        await within(handle.result())

    assert len(center.told) == 3


@pytest.mark.parametrize("waiting", [True, False])
async def test_who_was_asked_in_vain_is_passed_over_and_the_others_are_asked(client: Client, *, waiting: bool) -> None:
    """An order that is due again in a later round is notified of that round."""
    center = Center(due=orders("silent", "stubborn", "a"), silent={"silent"}, stubborn={"stubborn"}, waiting=waiting)
    gate = center.faults.hold(TELL_ORDER.name, order_id="a", tries=1)
    async with dispatching(client, center) as call:
        handle = await call(IN_SEOUL)
        await gate.until_reached()
        center.due.append(Due("a", 2))
        gate.open()
        await within(handle.result())

    assert sorted(center.told) == [("a", 1), ("a", 2), ("stubborn", 1)]
    assert {tuple(put_off) for put_off in center.looked} == {()}


async def test_it_ends_although_it_finds_an_order_again_that_the_release_before_has_asked_in_vain(
    client: Client,
) -> None:
    center = Center(due=orders("silent", "stubborn"), silent={"silent"}, stubborn={"stubborn"}, postpones=False)
    async with dispatching(client, center) as call:
        await within((await call(IN_SEOUL)).result())

    assert center.told == [("stubborn", 1)]
    assert len(center.looked) == 2


async def test_a_call_while_the_last_look_is_under_way_is_not_lost(client: Client) -> None:
    center = Center()
    gate = center.faults.hold(FIND_DUE.name, done=True, tries=1)
    async with dispatching(client, center) as call:
        handle = await call(IN_SEOUL)
        await gate.until_reached()
        center.due += orders("late")
        await call(IN_SEOUL)
        gate.open()
        await within(handle.result())

    assert center.told == [("late", 1)]


async def test_a_long_one_goes_on_in_a_new_run(client: Client) -> None:
    ids = [f"{number:03}" for number in range(60)]
    center = Center(due=orders(*ids), waiting=True)
    async with dispatching(client, center) as call:
        handle = await call(IN_SEOUL)
        await within(handle.result())
        first = await client.get_workflow_handle(IN_SEOUL, run_id=handle.first_execution_run_id).describe()

    assert first.status is WorkflowExecutionStatus.CONTINUED_AS_NEW
    assert [order_id for order_id, _ in center.told] == ids


async def test_what_the_release_before_has_begun_is_carried_on_as_it_was(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its workers do not know that the id tells a region: they serve all, one order after another."""
    center = Center(
        due=orders("a", "stubborn", "elsewhere"), regions={"elsewhere": BUSAN}, stubborn={"stubborn"}, postpones=False
    )
    with monkeypatch.context() as before:
        before.setattr(workflow, "patched", lambda _: False)
        async with dispatching(client, center) as call:
            handle = await call(IN_SEOUL)
            await within(handle.result())
        history = await handle.fetch_history()
    assert (center.most_at_once, len(center.told)) == (1, 3)

    await replay(history)
    monkeypatch.setattr(workflow, "patched", lambda _: True)
    with pytest.raises(NondeterminismError):
        await replay(history)
