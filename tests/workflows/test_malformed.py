"""A message with the wrong arguments never stops an order, whoever sent it (rule 8)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from temporalio.client import WorkflowQueryFailedError

from domain.management_center.assignments import ASSIGN_ENGINEER
from domain.orders import CancelRequest, Event, Order, OrderStatus
from tests.eventually import PATIENCE
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
    "fields that are null": [{"engineer_id": None, "round": None, "by": None, "reason": None, "start": None}],
    "fields that nobody knows": [{"engineer_id": "e1", "round": 1, "by": "x", "reason": None, "color": "red"}],
    "fields that are large": [{"engineer_id": "e" * _LARGE, "by": "b" * _LARGE, "reason": "r" * _LARGE}],
}
"""The arguments of a message, as they are sent."""


READABLE = ("nothing", "fields that nobody knows", "fields that are large")
"""Arguments from which a cancel can still be read."""
MISFITS = ("null", "three", "one and null")
"""Arguments that no handler accepts. An update is refused, and a signal counts without them."""


Send = Callable[[Placed, str], Awaitable[bool]]
"""Sends a malformed message. Returns whether it counts all the same."""


async def canceled(order: Placed) -> Order:
    """Check that the order still works: cancel it, and return its end."""
    assert (await order.order()).status in (OrderStatus.INSTALLATION_REQUESTED, OrderStatus.INSTALLATION_ACCEPTED)
    await order.cancel()
    ended = await order.result()
    assert ended.status is OrderStatus.ORDER_CANCELED
    return ended


TAKEN = {
    "accept": ("fields that nobody knows",),
    "decline": ("fields that nobody knows",),
    "assign_engineer": ("fields that nobody knows",),
    "reconsider": (*READABLE,),
}
"""Messages of orders, which are read as far as possible. Everything else is refused."""
TIMES: dict[str, list[object]] = {
    "of no zone": [{"start": "2030-01-07T02:00:00"}],
    "never": [{"start": "yesterday"}],
    "a number": [{"start": 1_900_000_000}],
    "nothing": [{"start": None}],
}


async def test_a_malformed_update_is_refused_and_the_order_goes_on(stage: Stage) -> None:
    """The messages are sent one after the other, the accepted ones last."""

    async def case(name: str) -> None:
        order = await stage.place()
        await places.requested(order)
        taken = TAKEN.get(name, ())
        malformed = MALFORMED | (TIMES if name == "reschedule" else {})

        async def answer(described: str) -> str | None:
            return await refusal(within(order.handle.execute_update(name, args=malformed[described])))

        for described in malformed.keys() - set(taken):
            assert await answer(described) is not None, described
        assert (await order.order()).history == order.row.history
        for described in taken:
            assert await answer(described) is None, described
        if name != "decline":
            await canceled(order)

    updates = ("accept", "decline", "start", "complete", "incomplete", "assign_engineer")
    await together({name: case(name) for name in (*updates, "reschedule", "reconsider", "acknowledge")})


async def test_a_malformed_cancel_is_refused_dropped_or_taken_and_the_order_goes_on(stage: Stage) -> None:
    """If only the arguments of a signal do not fit, the cancel still counts."""

    async def update(order: Placed, described: str) -> bool:
        return await refusal(within(order.handle.execute_update("cancel", args=MALFORMED[described]))) is None

    async def signal(order: Placed, described: str) -> bool:
        await within(order.handle.signal("request_cancel", args=MALFORMED[described]))
        return described in READABLE + MISFITS

    async def without_effect(send: Send, harmless: list[str]) -> None:
        order = await stage.place()
        await places.requested(order)
        for described in harmless:
            assert not await send(order, described), described
        await canceled(order)

    async def with_effect(send: Send, described: str) -> None:
        order = await stage.place()
        await places.requested(order)
        assert await send(order, described)
        assert (await order.result()).status is OrderStatus.ORDER_CANCELED

    cases: dict[str, Awaitable[None]] = {}
    for send, taken in ((update, READABLE), (signal, READABLE + MISFITS)):
        cases |= {f"{send.__name__}, {described}": with_effect(send, described) for described in taken}
        cases[send.__name__] = without_effect(send, [described for described in MALFORMED if described not in taken])
    await together(cases)


UNSTORABLE = "\x00a\ud800b\n"
"""A text that reads `ab`, with characters that a database rejects."""


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
        await order.handle.query("explode", rpc_timeout=timedelta(seconds=PATIENCE))

    assert (await canceled(order)).history[:3] == order.row.history[:3]
