"""The states in which something can happen to an order. Each function brings an order to a state."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from domain.orders import OrderStatus
from tests.workflows.contexts import window
from tests.workflows.placed import Placed, refusal

Arrive = Callable[[Placed], Awaitable[object]]


async def at_once(_: Placed) -> None:
    """Do nothing: the order gets there by itself."""


async def awaiting_engineer(order: Placed) -> None:
    """Wait until an order of a region without engineers needs a person."""
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
    """The first visit has failed, and the next one has to be agreed on."""
    await accepted(order)
    await order.incomplete()


async def lost(order: Placed) -> None:
    """No engineer can make the visit, and another time has to be agreed on."""
    await accepted(order)
    await lose(order)


def nobody_comes(order: Placed) -> None:
    """Make every engineer absent in the window of the order's visit."""
    _, start = order.contexts.booked[order.order_id]
    order.contexts.away |= {(engineer_id, start) for engineer_id in order.contexts.engineers}


async def declined(order: Placed) -> None:
    """The engineer has declined, and the next one is being assigned."""
    await requested(order)
    await order.decline()


async def turned_down(order: Placed) -> None:
    """One engineer has declined, which is the limit, so the order waits for new capacity."""
    await declined(order)
    await awaiting_engineer(order)


async def requested_of_the_next(order: Placed) -> None:
    await declined(order)
    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e2")


async def reassigned(order: Placed) -> None:
    """A manager has assigned the accepted order to the next engineer, whose answer is pending."""
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
    """Check that a message interrupted by a cancel is refused with a reason."""
    assert await refusal(message) == "IllegalTransition"


Say = Callable[[Placed], Coroutine[Any, Any, object]]
"""A message that begins a step of an order in a state."""


async def nothing(_: Placed) -> None:
    """Send nothing: the order begins the step by itself."""


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
