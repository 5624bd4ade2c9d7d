"""Subscriptions to events, as somebody makes them over HTTP."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from bench.consumers import Consumer
from bench.orders import OverHttp
from harness.waiting import soon

_SUBSCRIPTIONS = "/eventSubscriptions"
_ACTIVE = "ACTIVE"
_BETWEEN_LOOKS = 0.1


@dataclass
class Subscriptions:
    """Some subscriptions, which are paused and resumed together."""

    http: OverHttp
    ids: list[str] = field(default_factory=list)

    async def add(self, name: str, consumer: Consumer, **options: Any) -> None:
        """Subscribe to all events from now on. Returns when the consumer has agreed.

        Args:
            name: Name of the subscription.
            consumer: The consumer.
            options: Other members of the request.
        """
        body = {"name": name, "url": consumer.url, **options}
        made = await self.http.send("POST", _SUBSCRIPTIONS, json.dumps(body).encode(), expected=201)
        self.ids.append(subscription_id := str(json.loads(made)["eventSubscriptionId"]))

        async def agreed() -> bool:
            return str((await self._shown(subscription_id))["state"]) == _ACTIVE

        await soon(agreed, every=_BETWEEN_LOOKS, what=f"{name} agreed")

    async def pause(self) -> None:
        """Send nothing from now on."""
        await self._each("pause")

    async def resume(self, start: str | None = None) -> None:
        """Send again, from where the consumers were or from somewhere else."""
        await self._each("resume", None if start is None else {"from": start})

    async def change(self, **members: Any) -> None:
        """Change some members of all."""
        for subscription_id in self.ids:
            await self.http.send("PATCH", f"{_SUBSCRIPTIONS}/{subscription_id}", json.dumps(members).encode())

    async def delivered(self) -> str:
        """Return the position up to which the consumer of the only subscription has everything."""
        [subscription_id] = self.ids
        return str((await self._shown(subscription_id))["delivered"])

    async def behind(self) -> int:
        """Return by how many numbers of the log the subscription is behind that is most behind."""
        return max(int(shown["behind"]) for shown in await asyncio.gather(*map(self._shown, self.ids)))

    async def delete(self) -> None:
        """Delete all."""
        for subscription_id in self.ids:
            await self.http.send("DELETE", f"{_SUBSCRIPTIONS}/{subscription_id}", expected=204)
        self.ids.clear()

    async def _each(self, act: str, body: dict[str, Any] | None = None) -> None:
        sent = None if body is None else json.dumps(body).encode()
        for subscription_id in self.ids:
            await self.http.send("POST", f"{_SUBSCRIPTIONS}/{subscription_id}/{act}", sent)

    async def _shown(self, subscription_id: str) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(await self.http.send("GET", f"{_SUBSCRIPTIONS}/{subscription_id}"))
        return shown
