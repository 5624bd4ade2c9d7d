"""All simultaneous messages in one workflow task, in every order: one wins, and the others are refused."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import permutations

from domain.orders import Event, OrderStatus
from tests.workflows import places
from tests.workflows.model import Model, Say
from tests.workflows.placed import Placed, refusal
from tests.workflows.stage import Stage
from tests.workflows.waiting import together


def races(others: Sequence[Say]) -> Iterator[tuple[Say, ...]]:
    """Yield every order of these and a cancel. After an effective cancel, the order of the rest does not matter."""
    for before in range(len(others) + 1):
        for first in permutations(others, before):
            yield (*first, Say.UPDATE, *(say for say in others if say not in first))
    # It comes last whatever is said before it; who of these was first, the races above have shown.
    for earliest in others:
        yield (earliest, *(say for say in others if say is not earliest), Say.NATIVE)
    yield (Say.SIGNAL, *others)
    yield (*others, Say.SIGNAL)


async def race(stage: Stage, arrive: places.Arrive, said: Sequence[tuple[Say, ...]]) -> None:
    """Send all messages while no worker runs, each race to its own order, and check the results."""
    orders = [await stage.place() for _ in said]
    await asyncio.gather(*(arrive(order) for order in orders))
    for order in orders:
        await order.until_quiet()
    await stage.stop_orders()
    answers = await asyncio.gather(*(put(order, says) for order, says in zip(orders, said, strict=True)))

    await stage.start_orders()

    accepted = arrive is places.accepted
    outcomes = zip(orders, said, answers, strict=True)
    await together({" ".join(says): outcome(order, says, told, accepted) for order, says, told in outcomes})


async def put(order: Placed, says: Sequence[Say]) -> "dict[Say, asyncio.Task[str | None]]":
    """Send the messages in this order."""
    return {say: await order.put(refusal(say.to(order))) for say in says}


async def outcome(
    order: Placed, says: Sequence[Say], told: "dict[Say, asyncio.Task[str | None]]", accepted: bool
) -> None:
    """Check that the answers and the end of the order agree with the model."""
    answers = {say: await answer for say, answer in told.items()}
    model = model_of(says, answers, accepted)
    status, engineer_id, start = model.ends
    row = await (order.result() if status.final else order.until_with(status, engineer_id, start))
    assert row.status is status
    assert engineer_id is None or row.engineer_id == engineer_id
    booked = order.contexts.booked.get(order.order_id)
    assert booked == (None if status.final or start is None else (engineer_id, start))
    events = [entry.event for entry in row.history]
    assert events.count(Event.ORDER_CANCEL_REJECTED) == model.too_late
    assert (Event.INSTALLATION_ACCEPTED in events) == (
        accepted or (Say.ACCEPT in model.taken and status is not OrderStatus.ORDER_CANCELED)
    )


def model_of(says: Sequence[Say], answers: dict[Say, str | None], accepted: bool) -> Model:
    """Return the model that gives these answers. Fails if there is none.

    Under load, the server sometimes delivers updates in another order than they were sent. All answers must then agree
    with one order.
    """
    for order in (says, *permutations(says)):
        model = Model(accepted=accepted)
        if model.say(order) == answers:
            return model
    raise AssertionError(f"no order of {says} gives these answers: {answers}")


async def test_cancel_accept_decline_complete_and_assign_in_one_task_while_the_engineer_is_asked(stage: Stage) -> None:
    agreed, not_agreed = (Say.ACCEPT, Say.COMPLETE, Say.ASSIGN), (Say.DECLINE, Say.ACCEPT, Say.ASSIGN)
    await race(stage, places.requested, [*races(agreed), *races(not_agreed)])


async def test_cancel_complete_and_assign_in_one_task_when_the_engineer_has_accepted(stage: Stage) -> None:
    await race(stage, places.accepted, list(races((Say.COMPLETE, Say.ASSIGN, Say.ACCEPT))))


async def test_without_a_cancel_while_the_engineer_is_asked(stage: Stage) -> None:
    others = [(Say.DECLINE, Say.ASSIGN), (Say.DECLINE, Say.RESCHEDULE), (Say.RECONSIDER, Say.DECLINE, Say.RESCHEDULE)]
    said = [*permutations((Say.ACCEPT, Say.COMPLETE, Say.ASSIGN)), *permutations((Say.ACCEPT, Say.RESCHEDULE)), *others]
    await race(stage, places.requested, said)


async def test_the_visit_the_wishes_for_another_and_a_cancel_in_one_task_when_the_engineer_has_accepted(
    stage: Stage,
) -> None:
    visit = (Say.START, Say.INCOMPLETE, Say.COMPLETE)
    wishes = (Say.RESCHEDULE, Say.ASSIGN, Say.RECONSIDER)
    said = [*permutations(visit), *permutations(wishes), *permutations((Say.RESCHEDULE, Say.COMPLETE), 2)]
    said += [*permutations((Say.INCOMPLETE, Say.RESCHEDULE, Say.RECONSIDER)), (Say.START, Say.RECONSIDER)]
    said += [(*wishes, Say.UPDATE), (Say.UPDATE, *wishes), (*visit, Say.NATIVE), (Say.INCOMPLETE, Say.UPDATE)]
    await race(stage, places.accepted, said)


async def test_several_cancels_and_a_completion_in_one_task(stage: Stage) -> None:
    said = [
        (Say.COMPLETE, Say.UPDATE, Say.NATIVE),
        (Say.UPDATE, Say.COMPLETE, Say.NATIVE),
        (Say.NATIVE, Say.COMPLETE, Say.UPDATE),
        (Say.COMPLETE, Say.UPDATE, Say.SIGNAL, Say.NATIVE),
    ]
    await race(stage, places.accepted, said)
