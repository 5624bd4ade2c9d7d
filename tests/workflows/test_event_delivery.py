"""The workflow of a subscription runs one activity after the other, waits when it is told to, and ends when it may."""

from temporalio.client import Client

from domain.event_delivery.delivery import LOOK, Delivered, workflow_id
from runtime.temporal_client import start_event_delivery
from tests.workflows.delivering import ENDED, LONG, Deliverer, delivering
from tests.workflows.waiting import within


async def test_one_activity_follows_the_other_until_there_is_nothing_to_do(client: Client) -> None:
    deliverer = Deliverer(Delivered(), Delivered(again_after=0.01), Delivered(), ENDED)
    async with delivering(client, deliverer) as handle:
        await within(handle.result())

    assert len(deliverer.asked) == 4
    assert {workflow_id(each.subscription_id) for each in deliverer.asked} == {handle.id}


async def test_who_waits_for_a_consumer_looks_at_once_when_something_has_changed(client: Client) -> None:
    deliverer = Deliverer(LONG, LONG)
    async with delivering(client, deliverer) as handle:
        await deliverer.until_asked(1)
        await handle.signal(LOOK)
        await deliverer.until_asked(2)
        await start_event_delivery(client, deliverer.asked[0].subscription_id)
        await deliverer.until_asked(3)


async def test_a_change_during_the_last_activity_is_not_missed(client: Client) -> None:
    deliverer = Deliverer(ENDED)
    deliverer.gate.clear()
    async with delivering(client, deliverer) as handle:
        await deliverer.until_asked(1)
        await handle.signal(LOOK)
        deliverer.gate.set()
        await deliverer.until_asked(2)


async def test_a_long_history_is_continued(client: Client) -> None:
    deliverer = Deliverer(*[Delivered()] * 40, ENDED)
    async with delivering(client, deliverer) as handle:
        await within(handle.result())
        first = await client.get_workflow_handle(handle.id, run_id=(await handle.describe()).run_id).describe()
        assert len(deliverer.asked) == 41
        assert first.raw_description.workflow_execution_info.first_run_id != first.run_id


async def test_what_was_ended_is_started_again(client: Client) -> None:
    deliverer = Deliverer()
    async with delivering(client, deliverer) as handle:
        await deliverer.until_asked(1)
        await handle.terminate()
        await start_event_delivery(client, deliverer.asked[0].subscription_id)
        await deliverer.until_asked(2)
