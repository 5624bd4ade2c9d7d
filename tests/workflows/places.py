"""Where an order can stand when something happens to it: each place is a way to get there."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from domain.orders import OrderStatus
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


async def declined(order: Placed) -> None:
    """The next engineer is being looked for."""
    await requested(order)
    await order.decline()


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


async def complete(order: Placed) -> None:
    await order.complete()


async def cancel(order: Placed) -> None:
    await order.cancel()
