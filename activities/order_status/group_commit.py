"""Group commit: the orders that are projected at the same time are stored in one transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass

from domain.common.errors import StoreUnavailable
from domain.orders import HistoryEntry, Order

AT_MOST = 100
"""Orders of one transaction."""
GATHER_FOR = 0.005
"""Seconds that an order waits for others, if no transaction is under way."""

Put = Callable[[Sequence[Order]], Awaitable[Sequence[Sequence[HistoryEntry]]]]


@dataclass(frozen=True)
class _Waiting:
    order: Order
    stored: "asyncio.Future[Sequence[HistoryEntry]]"


class GroupCommit:
    """Stores orders for the activities of a process.

    Every transaction of the view locks the same row, so transactions go one after another. An order of its own
    transaction waits for all others; here it waits for the transaction under way, and then for its own.
    """

    def __init__(self, put: Put) -> None:
        """
        Args:
            put: Stores orders, all or none, and returns the new events of each.
        """
        self._put = put
        self._waiting: list[_Waiting] = []
        self._committing: asyncio.Task[None] | None = None

    async def put(self, order: Order) -> Sequence[HistoryEntry]:
        """Store an order, unless a newer version is stored. Returns its events that were not stored before.

        A caller that is canceled does not hold up the others. Its order may be stored nevertheless.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        one = _Waiting(order, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        if self._committing is None:
            # Without the context of this activity: the transaction is not its own.
            self._committing = asyncio.create_task(self._commit(), context=Context())
        return await one.stored

    async def _commit(self) -> None:
        await asyncio.sleep(GATHER_FOR)
        while self._waiting:
            batch, self._waiting = self._waiting[:AT_MOST], self._waiting[AT_MOST:]
            await self._store([one for one in batch if not one.stored.done()])
        self._committing = None

    async def _store(self, batch: Sequence[_Waiting]) -> None:
        """Store orders and tell each caller the outcome. If the store refuses them together, each is stored alone."""
        try:
            answers = await self._put([one.order for one in batch])
        except Exception as error:  # noqa: BLE001 - it is raised where the order comes from
            if len(batch) > 1 and not isinstance(error, StoreUnavailable):
                await asyncio.gather(*(self._store([one]) for one in batch))
                return
            for one in batch:
                if not one.stored.done():
                    one.stored.set_exception(error)
        else:
            for one, events in zip(batch, answers, strict=True):
                if not one.stored.done():
                    one.stored.set_result(events)
