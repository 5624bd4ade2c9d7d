"""Where an order can stand when something happens to it: each place is a way to get there."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from domain.orders import OrderStatus
from tests.workflows.contexts import window
from tests.workflows.placed import Placed, refusal

Arrive = Callable[[Placed], Awaitable[object]]


async def at_once(_: Placed) -> None:
    """The order goes there by itself."""


async def awaiting_engineer(order: Placed) -> None:
    """Of a region without engineers."""
    await order.until_attention("NO_ENGINEER")


async def requested(order: Placed) -> None:
    await order.until(OrderStatus.INSTALLATION_REQUESTED)


async def accepted(order: Placed) -> None:
    await requested(order)
    await order.accept()


async def started(order: Placed) -> None:
    await accepted(order)
    await order.start()


async def failed(order: Placed) -> None:
    """The first visit has come to nothing, and the next is to be agreed on."""
    await accepted(order)
    await order.incomplete()


async def lost(order: Placed) -> None:
    """Nobody can come at the time of the visit, and another is to be agreed on."""
    await accepted(order)
    await lose(order)


def nobody_comes(order: Placed) -> None:
    """In the window of the order's visit every engineer is away."""
    _, start = order.contexts.booked[order.order_id]
    order.contexts.away |= {(engineer_id, start) for engineer_id in order.contexts.engineers}


async def declined(order: Placed) -> None:
    """The next engineer is being looked for."""
    await requested(order)
    await order.decline()


async def turned_down(order: Placed) -> None:
    """By one engineer, which is enough: it waits for new capacity."""
    await declined(order)
    await awaiting_engineer(order)


async def requested_of_the_next(order: Placed) -> None:
    await declined(order)
    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e2")


async def reassigned(order: Placed) -> None:
    """A manager has given the accepted order to the next engineer, who is being asked."""
    await accepted(order)
    await order.assign("e2")


async def accepting(order: Placed) -> None:
    await requested(order)
    await order.put(refused(order.accept()))


async def declining(order: Placed) -> None:
    await requested(order)
    await order.put(refused(order.decline()))


async def reassigning(order: Placed) -> None:
    await requested(order)
    await order.put(refused(order.assign("e2")))


async def reassigning_what_is_accepted(order: Placed) -> None:
    await accepted(order)
    await order.put(refused(order.assign("e2")))


async def refused(message: Awaitable[object]) -> None:
    """What a cancel interrupts is refused for a reason, not left without an answer."""
    assert await refusal(message) == "IllegalTransition"


Say = Callable[[Placed], Coroutine[Any, Any, object]]
"""A message that begins a step, once the order has arrived."""


async def nothing(_: Placed) -> None:
    """The order begins it by itself."""


async def accept(order: Placed) -> None:
    await order.accept()


async def decline(order: Placed) -> None:
    await order.decline()


async def reassign(order: Placed) -> None:
    await order.assign("e2")


async def start(order: Placed) -> None:
    await order.start()


async def complete(order: Placed) -> None:
    await order.complete()


async def incomplete(order: Placed) -> None:
    await order.incomplete()


async def reschedule(order: Placed) -> None:
    await order.reschedule(window(3))


async def reconsider(order: Placed) -> None:
    await order.reconsider()


async def lose(order: Placed) -> None:
    nobody_comes(order)
    await order.reconsider()


async def cancel(order: Placed) -> None:
    await order.cancel()
