"""Triggers the delivery of a subscription after it was changed, beside the requests and at best effort.

A worker also looks for subscriptions without a delivery, once a minute. This saves the time until then.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog
from fastapi import Request
from temporalio.service import RPCError

from api.dependencies import AppServices

_log = structlog.get_logger(__name__)


class DeliveryTrigger:
    """Starts deliveries, or has them look at once."""

    def __init__(self, start: Callable[[str], Awaitable[None]]) -> None:
        self._start = start
        self._waiting: dict[str, None] = {}
        self._changed = asyncio.Event()
        self._stopping = False

    def changed(self, subscription_id: str) -> None:
        """Report that a subscription was made or changed."""
        self._waiting[subscription_id] = None
        self._changed.set()

    async def run(self) -> None:
        """Start deliveries, one after the other, until stopped."""
        while True:
            await self._changed.wait()
            if self._stopping:
                return
            if not self._waiting:
                self._changed.clear()
                continue
            subscription_id = next(iter(self._waiting))
            del self._waiting[subscription_id]
            try:
                await self._start(subscription_id)
            except (RPCError, RuntimeError, TimeoutError) as error:
                # Whatever keeps this one from being started keeps the others, too.
                self._waiting.clear()
                _log.warning("could not start a delivery of events", error=type(error).__qualname__)

    def stop(self) -> None:
        """Let `run` end."""
        self._stopping = True
        self._changed.set()


async def trigger_delivery(request: Request, services: AppServices) -> AsyncIterator[None]:
    """Trigger the delivery of the subscription that a request has changed."""
    yield
    subscription_id = request.path_params.get("eventSubscriptionId")
    if request.method != "GET" and subscription_id is not None:
        services.get(DeliveryTrigger).changed(subscription_id)
