"""Limits the open orders of a customer, so that no customer books every engineer.

Counts the orders in the managers' view, and those that this process has admitted and the view may not contain yet. It
is best effort: while the view does not answer, every order is admitted.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic

from api.http.errors import TooManyOpenOrders
from domain.common.errors import StoreUnavailable
from stores.order_status.census import OrderCensus

COUNT_WITHIN = 0.3
"""Seconds for which an order waits for the count."""
SHOWN_WITHIN = 10.0
"""Seconds after which the view contains an order that was placed."""


class OpenOrders:
    """Admits new orders."""

    def __init__(self, census: OrderCensus, most: int, now: Callable[[], float] = monotonic) -> None:
        """Create a limit.

        Args:
            census: Counts the orders in the view.
            most: The largest number of open orders of one customer. 0: no limit.
            now: Returns the time in seconds.
        """
        self._census = census
        self._most = most
        self._now = now
        self._lately: deque[tuple[float, str, str]] = deque()
        """The recently admitted orders: time, customer and order id."""

    async def admit(self, customer_id: str, order_id: str) -> None:
        """Admit an order, which may be a repeated one.

        Raises:
            TooManyOpenOrders: the customer would have too many open orders.
        """
        if not self._most:
            return
        try:
            async with asyncio.timeout(COUNT_WITHIN):
                known = set(await self._census.open_of(customer_id, self._most))
        except (StoreUnavailable, TimeoutError):
            known = set()
        now = self._now()
        while self._lately and self._lately[0][0] < now - SHOWN_WITHIN:
            self._lately.popleft()
        known.update(order for _, customer, order in self._lately if customer == customer_id)
        if order_id in known:
            return
        if len(known) >= self._most:
            raise TooManyOpenOrders(f"a customer may have at most {self._most} open orders")
        self._lately.append((now, customer_id, order_id))
