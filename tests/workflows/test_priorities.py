"""Which step goes first while workers lag behind: a cancel, then what an engineer has said; the view comes last."""

from tests.workflows import places
from tests.workflows.stage import Stage

FIRST = {
    "assign_engineer": 3,
    "request_installation": 3,
    "accept_installation": 2,
    "start_installation": 2,
    "incomplete_installation": 2,
    "decline_installation": 2,
    "complete_installation": 2,
    "cancel_installation": 1,
    "close_assignment": 3,
    "project_order": 4,
}


async def test_every_step_of_an_order_has_the_priority_of_its_command(stage: Stage) -> None:
    declined = await stage.place()
    await places.declined(declined)
    await declined.cancel()
    failed = await stage.place()
    await places.started(failed)
    await failed.incomplete()
    await failed.cancel()
    completed = await stage.place()
    await places.accepted(completed)
    await completed.complete()

    found: dict[str, set[int]] = {}
    for order in (declined, failed, completed):
        await order.result()
        for event in (await order.handle.fetch_history()).events:
            if event.HasField("activity_task_scheduled_event_attributes"):
                scheduled = event.activity_task_scheduled_event_attributes
                found.setdefault(scheduled.activity_type.name, set()).add(scheduled.priority.priority_key)
    assert {name: found[name] for name in FIRST} == {name: {priority} for name, priority in FIRST.items()}
    assert {priority for name, keys in found.items() if name not in FIRST for priority in keys} <= {3}
