"""How many orders a customer may have open at once, so that nobody books every engineer.

Counted from the managers' view, and from what this process has let through that the view may not show yet. At best
effort: while the view does not answer, every order is taken.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic

from api.http.errors import TooManyOpenOrders
from domain.common.errors import StoreUnavailable
from stores.order_status.census import OrderCensus

COUNT_WITHIN = 0.3
"""Seconds that an order waits for the count."""
SHOWN_WITHIN = 10.0
"""Seconds after which the view shows an order that was taken."""


class OpenOrders:
    """Lets new orders through."""

    def __init__(self, census: OrderCensus, most: int, now: Callable[[], float] = monotonic) -> None:
        """
        Args:
            census: Counts what the view shows.
            most: Open orders of one customer; 0: any number.
            now: Tells the time in seconds.
        """
        self._census = census
        self._most = most
        self._now = now
        self._lately: deque[tuple[float, str, str]] = deque()
        """When, whose and which orders were let through."""

    async def admit(self, customer_id: str, order_id: str) -> None:
        """Let an order through, which may be a repeated one.

        Raises:
            TooManyOpenOrders: it would be one too many.
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
            raise TooManyOpenOrders(f"a customer can have {self._most} open orders at once")
        self._lately.append((now, customer_id, order_id))
