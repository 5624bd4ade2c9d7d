"""What a run has done and not written down yet. If the process is killed, it is done again."""

from collections.abc import Iterable
from time import monotonic

from activities.event_delivery.lanes import Lanes
from domain.event_delivery.subscriptions import Attempt, EventSubscription, HeldOrder
from stores.event_delivery.deliveries import DeliveryStore

SAVE_EVERY = 0.2
"""Seconds. What was delivered since may be delivered again if the process is killed."""
_SAVE_POSITION_EVERY = 2.0
"""Seconds, if nothing but the position has changed."""
_MOST_UNSAVED = 50
"""Attempts."""


class Journal:
    """Writes down attempts, the position and held orders of one run, together."""

    def __init__(self, store: DeliveryStore, subscription: EventSubscription, lanes: Lanes) -> None:
        """Begin with what is written down.

        Args:
            store: Where to write.
            subscription: Is written as it is then, and its position as the lanes have it.
            lanes: The position and the held orders.
        """
        self._store = store
        self._subscription = subscription
        self._lanes = lanes
        self._attempts: list[Attempt] = []
        self._held: dict[str, HeldOrder | None] = {}
        self._saved_at = monotonic()

    def note(self, attempts: Iterable[Attempt]) -> None:
        """Note attempts."""
        self._attempts += attempts

    def hold(self, held: HeldOrder) -> None:
        """Hold an order, or hold it longer."""
        self._lanes.hold(held)
        self._held[held.order_id] = held

    def release(self, order_id: str) -> None:
        """Hold an order no longer."""
        del self._lanes.held[order_id]
        self._held[order_id] = None

    async def save_at_times(self) -> None:
        """Write down what there is, if it is time.

        Raises:
            Superseded: the run may write nothing any more.
            StoreUnavailable: the database does not answer.
        """
        due = self._saved_at + (SAVE_EVERY if self._attempts or self._held else _SAVE_POSITION_EVERY)
        if monotonic() < due and len(self._attempts) < _MOST_UNSAVED:
            return
        if self._attempts or self._held or self._lanes.delivered != self._subscription.delivered:
            await self.save()
        self._saved_at = monotonic()

    async def save(self) -> None:
        """Write down what there is.

        Raises:
            Superseded, StoreUnavailable: as `save_at_times`.
        """
        self._subscription.delivered, self._subscription.ahead = self._lanes.delivered, self._lanes.ahead or None
        await self._store.save(self._subscription, self._attempts, self._held)
        self._attempts, self._held = [], {}
