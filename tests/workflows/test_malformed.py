"""A message with the wrong arguments never stops an order, whoever sent it (rule 8)."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowQueryFailedError

from domain.management_center import ASSIGN_ENGINEER
from domain.orders import CancelRequest, Event, Order, OrderStatus
from tests.workflows import places
from tests.workflows.placed import Placed, refusal
from tests.workflows.stage import Stage
from tests.workflows.waiting import together, within

_LARGE = 300_000

MALFORMED: dict[str, list[object]] = {
    "nothing": [],
    "null": [None],
    "three": [{}, {}, {}],
    "one and null": [{}, None],
    "a number": [5],
    "a text": ["e1"],
    "a list": [[1, 2]],
    "true": [True],
    "fields of a wrong type": [{"engineer_id": 5, "round": "x", "by": [], "reason": {}}],
    "fields that are null": [{"engineer_id": None, "round": None, "by": None, "reason": None}],
    "fields that nobody knows": [{"engineer_id": "e1", "round": 1, "by": "x", "reason": None, "colour": "red"}],
    "fields that are large": [{"engineer_id": "e" * _LARGE, "by": "b" * _LARGE, "reason": "r" * _LARGE}],
}
"""The arguments of a message, as they travel."""


READABLE = ("nothing", "fields that nobody knows", "fields that are large")
"""What a cancel can be read from all the same."""
MISFITS = ("null", "three", "one and null")
"""What cannot be given to a handler; an update is refused, and a signal counts without it."""


async def cancelled(order: Placed) -> Order:
    """It has gone on: it can be cancelled, and ends."""
    assert (await order.order()).status in (OrderStatus.INSTALLATION_REQUESTED, OrderStatus.INSTALLATION_ACCEPTED)
    await order.cancel()
    ended = await order.result()
    assert ended.status is OrderStatus.ORDER_CANCELED
    return ended


@pytest.mark.parametrize("name", ["accept", "decline", "complete", "assign_engineer"])
async def test_a_malformed_update_is_refused_and_the_order_goes_on(stage: Stage, name: str) -> None:
    async def case(described: str) -> None:
        order = await stage.place()
        await places.requested(order)

        answer = await refusal(within(order.handle.execute_update(name, args=MALFORMED[described])))

        taken = described == "fields that nobody knows" and name != "complete"
        assert (answer is None) == taken
        if not taken:
            assert (await order.order()).history == order.row.history
            await cancelled(order)

    await together({described: case(described) for described in MALFORMED})


async def test_a_malformed_cancel_update_is_refused_or_taken_and_the_order_goes_on(stage: Stage) -> None:
    async def case(described: str) -> None:
        order = await stage.place()
        await places.requested(order)

        answer = await refusal(within(order.handle.execute_update("cancel", args=MALFORMED[described])))

        assert (answer is None) == (described in READABLE)
        if answer is not None:
            await cancelled(order)
        assert (await order.result()).status is OrderStatus.ORDER_CANCELED

    await together({described: case(described) for described in MALFORMED})


async def test_a_malformed_cancel_signal_cancels_or_is_dropped_and_the_order_goes_on(stage: Stage) -> None:
    """Where only the arguments do not fit, the cancel is meant all the same; what cannot be read at all is lost."""

    async def case(described: str) -> None:
        order = await stage.place()
        await places.requested(order)

        await within(order.handle.signal("request_cancel", args=MALFORMED[described]))

        if described not in READABLE + MISFITS:
            await cancelled(order)
        assert (await order.result()).status is OrderStatus.ORDER_CANCELED

    await together({described: case(described) for described in MALFORMED})


UNSTORABLE = "\x00a\ud800b\n"
"""A text that reads `ab`, and that a database takes for an error."""


async def test_texts_of_a_cancel_are_cut_to_what_the_api_lets_through(stage: Stage) -> None:
    async def case(by: str, reason: str, expected: tuple[str, str]) -> None:
        order = await stage.place()
        await places.requested(order)

        await order.handle.signal("request_cancel", CancelRequest(by, reason))

        told = [entry for entry in (await order.result()).history if entry.event == Event.CANCEL_ORDERED]
        assert [(entry.by, entry.detail) for entry in told] == [expected]

    await together(
        {
            "large": case("b" * _LARGE, "r" * _LARGE, ("b" * 200, "r" * 200)),
            "unstorable": case(UNSTORABLE, UNSTORABLE, ("ab", "ab")),
            "Korean": case("고객", "이사 갑니다\u3000🙏", ("고객", "이사 갑니다\u3000🙏")),
        }
    )


@pytest.mark.parametrize("engineer_id", [UNSTORABLE, "e" * 201], ids=["unstorable", "too long"])
async def test_what_no_engineer_can_be_called_is_refused_without_asking(stage: Stage, engineer_id: str) -> None:
    order = await stage.place()
    await places.requested(order)

    assert await refusal(order.assign(engineer_id)) == "EngineerUnavailable"

    assert stage.contexts.called(order.order_id).count(ASSIGN_ENGINEER.name) == 1


async def test_a_message_of_an_unknown_name_changes_nothing(stage: Stage) -> None:
    order = await stage.place()
    await places.requested(order)

    await order.handle.signal("explode", args=[1, 2, 3])
    assert await refusal(within(order.handle.execute_update("explode", 1))) == "RuntimeError"
    with pytest.raises(WorkflowQueryFailedError):
        await order.handle.query("explode", rpc_timeout=timedelta(seconds=10))

    assert (await cancelled(order)).history[:3] == order.row.history[:3]
