"""No message in any state makes the workflow's code fail, even if it is repeated."""

from collections.abc import Awaitable, Callable

import pytest
from temporalio.service import RPCError, RPCStatusCode

from domain.installation import (
    ACCEPT_INSTALLATION,
    CANCEL_INSTALLATION,
    COMPLETE_INSTALLATION,
    REQUEST_INSTALLATION,
    START_INSTALLATION,
)
from domain.management_center.assignments import ASSIGN_ENGINEER, CLOSE_ASSIGNMENT
from domain.orders import OrderStatus
from tests.workflows import places
from tests.workflows.contexts import window
from tests.workflows.placed import Placed, Way, refusal
from tests.workflows.reset import reset
from tests.workflows.stage import Stage
from tests.workflows.waiting import together

MESSAGES: dict[str, Callable[[Placed], Awaitable[object]]] = {
    "accept": Placed.accept,
    "decline": Placed.decline,
    "start": Placed.start,
    "incomplete": Placed.incomplete,
    "complete": Placed.complete,
    "assign": lambda order: order.assign("e2"),
    "assign nobody": lambda order: order.assign("nobody"),
    "reschedule": lambda order: order.reschedule(window(3)),
    "reconsider": Placed.reconsider,
    "acknowledge": Placed.acknowledge,
    "cancel": Placed.cancel,
    "request_cancel": lambda order: order.cancel(Way.SIGNAL),
    "native cancel": lambda order: order.cancel(Way.NATIVE),
}
CLOSED = "closed"

State = Callable[[Stage], Awaitable[Placed]]


def arrived(arrive: places.Arrive) -> State:
    async def state(stage: Stage) -> Placed:
        order = await stage.place()
        await arrive(order)
        return order

    return state


def held(command: str, arrive: places.Arrive, say: places.Say = places.nothing) -> State:
    """Return a state in which a command is running while the messages are sent."""

    async def state(stage: Stage) -> Placed:
        order_id = stage.new_id()
        order = await stage.place(order_id=order_id)
        await arrive(order)
        gate = stage.contexts.faults.hold(command, order_id=order_id, tries=1)
        await order.put(refusal(say(order)))
        await gate.until_reached()
        return order

    return state


async def awaiting(stage: Stage) -> Placed:
    order = await stage.place()
    for engineer_id in ("e1", "e2", "e3"):
        await order.until_with(OrderStatus.INSTALLATION_REQUESTED, engineer_id)
        await order.decline(engineer_id)
    await places.awaiting_engineer(order)
    return order


def set_back(end: places.Say, after: str, *, completes: int = 0) -> State:
    """Return a state in which an ended order was reset to an earlier point, without the later messages."""

    async def state(stage: Stage) -> Placed:
        order = await stage.place()
        await places.accepted(order)
        await end(order)
        await order.result()
        await reset(stage, order, after=after, forget=True)
        await order.until_quiet()
        for _ in range(completes):
            await refusal(order.complete())
        return order

    return state


STATES: dict[str, State] = {
    "requested": arrived(places.requested),
    "accepted": arrived(places.accepted),
    "started": arrived(places.started),
    "awaiting another visit": arrived(places.failed),
    "visit lost": arrived(places.lost),
    "awaiting an engineer": awaiting,
    "being accepted": held(ACCEPT_INSTALLATION.name, places.requested, places.accept),
    "being started": held(START_INSTALLATION.name, places.accepted, places.start),
    "being completed": held(COMPLETE_INSTALLATION.name, places.accepted, places.complete),
    "being closed": held(CLOSE_ASSIGNMENT.name, places.accepted, places.complete),
    "being reassigned": held(ASSIGN_ENGINEER.name, places.accepted, places.reassign),
    "being rescheduled": held(ASSIGN_ENGINEER.name, places.failed, places.reschedule),
    "being canceled": held(CANCEL_INSTALLATION.name, places.accepted, places.cancel),
    "canceled, and set back to the first round": set_back(places.cancel, ASSIGN_ENGINEER.name),
    "canceled, and set back to the request": set_back(places.cancel, REQUEST_INSTALLATION.name),
    "canceled, and set back to the acceptance": set_back(places.cancel, ACCEPT_INSTALLATION.name),
    "canceled, set back, and completed": set_back(places.cancel, ACCEPT_INSTALLATION.name, completes=1),
    "canceled, set back, and completed twice": set_back(places.cancel, ACCEPT_INSTALLATION.name, completes=2),
    "completed, and set back to the first round": set_back(places.complete, ASSIGN_ENGINEER.name),
    "completed, and set back to the acceptance": set_back(places.complete, ACCEPT_INSTALLATION.name),
}


async def answered(message: Awaitable[object]) -> None:
    """Wait for any answer. The message may be too late to get one."""
    try:
        await refusal(message)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


@pytest.mark.parametrize("name", STATES)
async def test_every_message_is_taken_or_refused_in_every_state_however_often_it_comes(stage: Stage, name: str) -> None:
    """Each message has a new id. The stage checks for failed workflow tasks."""

    async def case(message: str) -> None:
        order = await STATES[name](stage)
        sent = [await order.put(answered(MESSAGES[message](order))) for _ in range(2)]
        for gate in stage.contexts.faults.of(order.order_id):
            gate.open()
        for answer in sent:
            await answer
        await order.until_quiet()
        await answered(MESSAGES[message](order))
        await answered(order.cancel())
        assert (await order.result()).status.final

    await together({message: case(message) for message in MESSAGES})
