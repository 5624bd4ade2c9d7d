"""The orders whose next event a consumer has refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self

from console.event_subscriptions.addresses import HELD, of_api
from console.event_subscriptions.terms import event_text
from console.lists import PAGE, all_of
from console.page_request import PageRequest
from console.service import ApiAway, Problem
from console.texts import Texts


@dataclass(frozen=True)
class HeldOrder:
    """An order that is held."""

    facts: Mapping[str, Any]
    """As the API has it."""
    event: str | None
    """What the refused event is called. None: the event is not kept any more."""

    @classmethod
    def of(cls, facts: Mapping[str, Any], texts: Texts) -> Self:
        """Return a held order of the API."""
        return cls(facts, event_text(facts["type"], texts) if facts["type"] else None)


@dataclass(frozen=True)
class HeldOrders:
    """The orders that are held for the longest time."""

    orders: Sequence[HeldOrder]
    complete: bool
    """Whether these are all."""


async def longest_held(visit: PageRequest) -> HeldOrders | None:
    """Return the first page of the held orders. None: it cannot be told now."""
    try:
        found = await visit.api.get(of_api(visit, "held"), {"limit": PAGE})
    except ApiAway:
        return None
    except Problem as problem:
        if problem.status == HTTPStatus.UNAUTHORIZED:
            raise
        return None  # whether the subscription itself is there, its own answer tells
    orders = [HeldOrder.of(each, visit.texts) for each in found["items"]]
    return HeldOrders(orders, complete=found["nextCursor"] is None)


async def held_order(visit: PageRequest) -> HeldOrder | None:
    """Return the held order that a request names. None: it is not held any more.

    Raises:
        Problem: there is no such subscription, or its held orders cannot be told now.
        ApiAway: there is no answer.
    """
    held = await all_of(visit.api, of_api(visit, "held"))
    order_id = visit.path_value(HELD)
    return next((HeldOrder.of(each, visit.texts) for each in held.items if each["orderId"] == order_id), None)
