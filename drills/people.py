"""What customers, engineers and managers do in a drill, over HTTP; what they are told goes into the accounts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any

import httpx2

from domain.orders import OrderStatus
from drills.accounts import Accounts, Act, Document
from harness.staff import REGION
from harness.waiting import PATIENCE, soon

BODY = {
    "productId": "2001",
    "productName": "internet",
    "installationAddress": "Seoul",
    "customerId": "1",
    "orderDate": "20200715",
    "status": "JOINORDED",
}
"""The order that the contract shows."""
NO_ANSWER = 0
"""In place of a status: the connection broke, or nothing came in time."""
_ACTS = {
    "accept": Act.ACCEPTED,
    "decline": Act.DECLINED,
    "start": Act.STARTED,
    "incomplete": Act.FAILED,
    "complete": Act.COMPLETED,
}
_ANSWER_WITHIN = 15.0
_BETWEEN_TRIES = 0.2
_CUSTOMERS, _ENGINEERS = 8, 16
"""Who are busy at the same time."""
_TRY_AGAIN = (NO_ANSWER, HTTPStatus.SERVICE_UNAVAILABLE)


@dataclass
class People:
    """Everybody who uses the service."""

    api: httpx2.AsyncClient
    accounts: Accounts = field(default_factory=Accounts)

    async def place(self, key: str, **changes: Any) -> int:
        """A customer orders, once; `accounts.by_key` has the order where it was acknowledged."""
        self.accounts.asked.add(key)
        answer = await self._send("POST", "/orders", BODY | changes, {"Idempotency-Key": key})
        if answer is not None and answer.status_code in (HTTPStatus.OK, HTTPStatus.CREATED):
            self.accounts.placed(key, answer.json()["orderId"])
        return _status(answer)

    async def cancel(self, order_id: str) -> int:
        """The customer cancels."""
        answer = await self._send("POST", f"/orders/{order_id}/cancel", {"reason": "moving house"})
        status = _status(answer)
        if status == HTTPStatus.OK:
            self.accounts.note(order_id, Act.CANCELED)
        elif status == HTTPStatus.ACCEPTED:
            self.accounts.note(order_id, Act.CANCEL_RECORDED)
        return status

    async def reschedule(self, order_id: str, start: str) -> int:
        """The customer would rather have another visit."""
        body = {"preferredVisit": start}
        return await self._noted(order_id, Act.RESCHEDULED, "POST", f"/orders/{order_id}/reschedule", body)

    async def assign(self, order_id: str, engineer_id: str) -> int:
        """A manager gives it to an engineer."""
        body = {"engineerId": engineer_id}
        return await self._noted(order_id, Act.ASSIGNED, "PUT", f"/managementCenters/assignments/{order_id}", body)

    async def acknowledge(self, order_id: str) -> int:
        """A manager takes on what a person is asked for."""
        return await self._noted(order_id, Act.ACKNOWLEDGED, "POST", f"/orders/{order_id}/attention/acknowledge")

    async def accept(self, order_id: str) -> int:
        """The engineer who is asked will do it."""
        return await self._act(order_id, "accept")

    async def decline(self, order_id: str) -> int:
        """The engineer who is asked will not do it."""
        return await self._act(order_id, "decline", reason="no time")

    async def start(self, order_id: str) -> int:
        """The engineer is there."""
        return await self._act(order_id, "start")

    async def fail(self, order_id: str) -> int:
        """The engineer was there, and it could not be done."""
        return await self._act(order_id, "incomplete", reason="CUSTOMER_ABSENT")

    async def complete(self, order_id: str) -> int:
        """The engineer has done it."""
        return await self._act(order_id, "complete")

    async def browse(self, **wanted: str) -> int:
        """A manager looks through the orders."""
        return _status(await self._send("GET", "/orderStatuses", params=wanted))

    async def engineers(self, region: str = REGION) -> list[str]:
        """Those of a region.

        Raises:
            NotInTime: nobody says.
        """
        items = await self._items("/managementCenters/engineers", {"region": region, "limit": "200"})
        return [engineer["engineerId"] for engineer in items]

    async def slots(self, address: str) -> list[str]:
        """When a visit at an address can be booked.

        Raises:
            NotInTime: nobody says.
        """
        return [slot["start"] for slot in await self._items("/managementCenters/slots", {"address": address})]

    async def hire(self, engineers: int, region: str = REGION) -> None:
        """Have so many more engineers in a region, or some more where an answer is lost.

        Raises:
            NotInTime: one could not be hired.
        """
        for number in range(engineers):
            body = {"name": f"Engineer {number}", "region": region}
            await insist(partial(self._answered, "POST", "/managementCenters/engineers", body))

    async def erase(self, customer_id: str) -> int:
        """What is known of a customer is to be erased."""
        return await self._answered("DELETE", f"/orders/customers/{customer_id}/personalData")

    async def row(self, order_id: str) -> Document:
        """The order as the managers see it; nothing where they do not."""
        answer = await self._send("GET", f"/orderStatuses/{order_id}")
        found: Document = answer.json() if answer is not None and answer.status_code == HTTPStatus.OK else {}
        return found

    async def left(self) -> int:
        """Orders that nobody has been asked to install yet, as the managers see it.

        Raises:
            HTTPStatusError: they see nothing.
        """
        answer = await self.api.get("/orderStatuses/summary")
        by_status = answer.raise_for_status().json()["byStatus"]
        return sum(by_status.get(status, 0) for status in (OrderStatus.JOIN_ORDERED, OrderStatus.ENGINEER_ASSIGNED))

    async def until_none_left(self, *, within: float) -> None:
        """
        Raises:
            NotInTime: some are.
        """

        async def none() -> bool:
            return await self.left() == 0

        await soon(none, within=within, every=_BETWEEN_TRIES, what="every order has been worked off")

    async def until(self, order_id: str, *statuses: OrderStatus, within: float = PATIENCE) -> Document:
        """Wait until the managers see it so; the order as it is then.

        Raises:
            NotInTime: they do not.
        """

        async def look() -> Document | None:
            row = await self.row(order_id)
            return row if row.get("status") in statuses else None

        row = await soon(look, within=within, every=_BETWEEN_TRIES, what=f"{order_id} {' or '.join(statuses)}")
        return row or {}

    async def _items(self, path: str, params: dict[str, str]) -> list[Document]:
        async def look() -> list[Document] | None:
            answer = await self._send("GET", path, params=params)
            found: list[Document] | None = None
            if answer is not None and answer.status_code == HTTPStatus.OK:
                found = answer.json()["items"]
            return found

        return await soon(look, every=_BETWEEN_TRIES, what=path) or []

    async def _answered(self, method: str, path: str, body: Document | None = None) -> int:
        return _status(await self._send(method, path, body))

    async def _act(self, order_id: str, act: str, **more: Any) -> int:
        return await self._noted(order_id, _ACTS[act], "POST", f"/installations/{order_id}/{act}", more)

    async def _noted(self, order_id: str, act: Act, method: str, path: str, body: Document | None = None) -> int:
        status = await self._answered(method, path, body)
        if status == HTTPStatus.OK:
            self.accounts.note(order_id, act)
        return status

    async def _send(
        self,
        method: str,
        path: str,
        body: Document | None = None,
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
    ) -> httpx2.Response | None:
        try:
            return await self.api.request(method, path, json=body, headers=headers, params=params)
        except httpx2.TransportError:
            return None


async def insist(act: Callable[[], Awaitable[int]], *, within: float = PATIENCE) -> int:
    """Do it again until there is a definite answer, as the contract says that one may. Returns its status.

    Raises:
        NotInTime: there is none.
    """
    status = NO_ANSWER

    async def answered() -> bool:
        nonlocal status
        status = await act()
        return status not in _TRY_AGAIN

    await soon(answered, within=within, every=_BETWEEN_TRIES, what="a definite answer")
    return status


async def order(everybody: People, keys: Iterable[str]) -> None:
    """Customers order insistently, one with each key.

    Raises:
        NotInTime: one is not answered.
    """
    turns = asyncio.Semaphore(_CUSTOMERS)

    async def one(key: str) -> None:
        async with turns:
            await insist(lambda: everybody.place(key))

    async with asyncio.TaskGroup() as work:
        for key in keys:
            work.create_task(one(key))


async def install(everybody: People, order_ids: Iterable[str], *, within: float) -> None:
    """The engineers do the work of these orders, each as soon as they are asked.

    Args:
        everybody: Who use the service.
        order_ids: That nobody else works on.
        within: Seconds until the last of them.

    Raises:
        NotInTime: they are not asked, or not answered.
    """
    turns = asyncio.Semaphore(_ENGINEERS)

    async def one(order_id: str) -> None:
        async with turns:
            await everybody.until(order_id, OrderStatus.INSTALLATION_REQUESTED, within=within)
            await insist(lambda: everybody.accept(order_id), within=within)
            await insist(lambda: everybody.complete(order_id), within=within)

    async with asyncio.TaskGroup() as work:
        for order_id in order_ids:
            work.create_task(one(order_id))


@asynccontextmanager
async def people(url: str) -> AsyncIterator[People]:
    """People who use the API at this address."""
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(base_url=url, timeout=_ANSWER_WITHIN, limits=limits) as api:
        yield People(api)


def _status(answer: httpx2.Response | None) -> int:
    return NO_ANSWER if answer is None else answer.status_code
