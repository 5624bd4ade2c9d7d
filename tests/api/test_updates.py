"""How updates are sent: in how many calls, and what a missing outcome means."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from temporalio.client import Client, WorkflowUpdateHandle

from api.http.errors import NoAnswerInTime
from api.http.temporal_calls import NoSuchWorkflow
from api.orders import updates
from api.orders.updates import Update, Updates
from domain.common.errors import NotAssigned
from domain.installation import EngineerAct, EngineerAction
from domain.orders import Acknowledgement, Message, Order, RescheduleRequest
from runtime.temporal_client import connect
from tests.api.service import Service, window

CALLS = ("update_workflow_execution", "poll_workflow_execution_update")
"""The server's calls that have to do with updates."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Callable[[Client], list[str]]:
    """Count the calls of a client."""

    def count(client: Client) -> list[str]:
        made: list[str] = []
        service = client.workflow_service

        def counted(name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
            async def called(*args: Any, **more: Any) -> Any:
                made.append(name)
                return await call(*args, **more)

            return called

        for name in CALLS:
            monkeypatch.setattr(service, name, counted(name, getattr(service, name)))
        return made

    return count


def engineer(action: EngineerAction, engineer_id: str = "kr-11-1") -> Update:
    return Update(action, EngineerAct(engineer_id, 1), id=f"{action}-{engineer_id}")


async def test_what_an_order_is_told_takes_one_call_and_a_cancel_waits_for_its_acceptance(
    service: Service, calls: Callable[[Client], list[str]]
) -> None:
    await service.work()
    order_id = await service.requested(preferredVisit=window())
    client = await connect(service.settings)
    made, sent = calls(client), Updates(client)

    with pytest.raises(NotAssigned):
        await sent.carry_out(order_id, engineer(EngineerAction.ACCEPT, "kr-11-2"))
    assert await sent.carry_out(order_id, engineer(EngineerAction.ACCEPT)) is None
    moved = Update(Message.RESCHEDULE, RescheduleRequest(datetime.fromisoformat(window(13))), "later", Order)
    assert isinstance(await sent.carry_out(order_id, moved), Order)
    assert made == [CALLS[0]] * 3

    handle = await sent.send(order_id, engineer(EngineerAction.START), within=60)
    assert isinstance(handle, WorkflowUpdateHandle)
    assert made == [CALLS[0]] * 4


async def test_an_outcome_that_is_missing_at_the_deadline_is_unknown_and_a_repetition_tells_it(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.work()
    order_id = await service.requested()
    await service.rest("installation")
    sent = Updates(await connect(service.settings))

    monkeypatch.setattr(updates, "CARRY_OUT_WITHIN", 0.5)
    with pytest.raises(NoAnswerInTime):
        await sent.carry_out(order_id, engineer(EngineerAction.ACCEPT))

    await service.work("installation")
    assert await sent.carry_out(order_id, engineer(EngineerAction.ACCEPT)) is None


async def test_without_a_worker_nobody_answers_and_an_order_that_does_not_exist_is_told_from_it(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = await service.order()
    sent = Updates(await connect(service.settings))

    with pytest.raises(NoSuchWorkflow):
        await sent.carry_out("0" * 32, engineer(EngineerAction.ACCEPT))
    monkeypatch.setattr(updates, "CARRY_OUT_WITHIN", 0.5)
    with pytest.raises(NoAnswerInTime):
        await sent.carry_out(order_id, Update(Message.ACKNOWLEDGE, Acknowledgement("manager:kim"), "a", Order))
