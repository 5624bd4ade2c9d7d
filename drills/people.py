"""Customers, engineers and managers of a drill. They use HTTP, and note acknowledgements in the accounts."""

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
from harness.asking import document
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
"""The order in the example of the contract."""
NO_ANSWER = 0
"""Used instead of a status: the connection broke, or there was no answer in time."""
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
"""Customers and engineers that are active at the same time."""
_TRY_AGAIN = (NO_ANSWER, HTTPStatus.SERVICE_UNAVAILABLE)


@dataclass
class People:
    """All users of the service."""

    api: httpx2.AsyncClient
    accounts: Accounts = field(default_factory=Accounts)

    async def place(self, key: str, **changes: Any) -> int:
        """Place an order, with one attempt. `accounts.by_key` has the order if it was acknowledged."""
        self.accounts.requested.add(key)
        answer = await self._send("POST", "/orders", BODY | changes, {"Idempotency-Key": key})
        if answer is not None and answer.status_code in (HTTPStatus.OK, HTTPStatus.CREATED):
            self.accounts.placed(key, answer.json()["orderId"])
        return _status(answer)

    async def cancel(self, order_id: str) -> int:
        """Cancel as the customer."""
        answer = await self._send("POST", f"/orders/{order_id}/cancel", {"reason": "moving house"})
        status = _status(answer)
        if status == HTTPStatus.OK:
            self.accounts.note(order_id, Act.CANCELED)
        elif status == HTTPStatus.ACCEPTED:
            self.accounts.note(order_id, Act.CANCEL_RECORDED)
        return status

    async def reschedule(self, order_id: str, start: str) -> int:
        """Reschedule the visit as the customer."""
        body = {"preferredVisit": start}
        return await self._noted(order_id, Act.RESCHEDULED, "POST", f"/orders/{order_id}/reschedule", body)

    async def assign(self, order_id: str, engineer_id: str) -> int:
        """Assign an engineer as a manager."""
        body = {"engineerId": engineer_id}
        return await self._noted(order_id, Act.ASSIGNED, "PUT", f"/managementCenters/assignments/{order_id}", body)

    async def acknowledge(self, order_id: str) -> int:
        """Acknowledge the request for attention as a manager."""
        return await self._noted(order_id, Act.ACKNOWLEDGED, "POST", f"/orders/{order_id}/attention/acknowledge")

    async def accept(self, order_id: str) -> int:
        """Accept as the requested engineer."""
        return await self._act(order_id, "accept")

    async def decline(self, order_id: str) -> int:
        """Decline as the requested engineer."""
        return await self._act(order_id, "decline", reason="no time")

    async def start(self, order_id: str) -> int:
        """Report the start of the visit as the engineer."""
        return await self._act(order_id, "start")

    async def fail(self, order_id: str) -> int:
        """Report a failed visit as the engineer."""
        return await self._act(order_id, "incomplete", reason="CUSTOMER_ABSENT")

    async def complete(self, order_id: str) -> int:
        """Report completion as the engineer."""
        return await self._act(order_id, "complete")

    async def browse(self, **filters: str) -> int:
        """List orders as a manager."""
        return _status(await self._send("GET", "/orderStatuses", params=filters))

    async def browse_events(self, **filters: str) -> int:
        """List events as another system."""
        return _status(await self._send("GET", "/events", params=filters))

    async def engineers(self, region: str = REGION) -> list[str]:
        """Return the ids of a region's engineers.

        Raises:
            NotInTime: the service does not answer.
        """
        items = await self._items("/managementCenters/engineers", {"region": region, "limit": "200"})
        return [engineer["engineerId"] for engineer in items]

    async def slots(self, address: str) -> list[str]:
        """Return the starts of the windows that can be booked for an address.

        Raises:
            NotInTime: the service does not answer.
        """
        return [slot["start"] for slot in await self._items("/managementCenters/slots", {"address": address})]

    async def hire(self, engineers: int, region: str = REGION) -> None:
        """Create additional engineers in a region, or more of them if a response is lost.

        Raises:
            NotInTime: an engineer could not be created.
        """
        for number in range(engineers):
            body = {"name": f"Engineer {number}", "region": region}
            await insist(partial(self._answered, "POST", "/managementCenters/engineers", body))

    async def erase(self, customer_id: str) -> int:
        """Request the erasure of a customer's data."""
        return await self._answered("DELETE", f"/orders/customers/{customer_id}/personalData")

    async def row(self, order_id: str) -> Document:
        """Return the order from the managers' view, or nothing if it is not there."""
        answer = await self._send("GET", f"/orderStatuses/{order_id}")
        found: Document = answer.json() if answer is not None and answer.status_code == HTTPStatus.OK else {}
        return found

    async def left(self) -> int:
        """Return the number of orders without an installation request, from the managers' view.

        Raises:
            HTTPStatusError, NotInTime: the view does not answer.
        """
        by_status = (await document(self.api, "/orderStatuses/summary"))["byStatus"]
        return sum(by_status.get(status, 0) for status in (OrderStatus.JOIN_ORDERED, OrderStatus.ENGINEER_ASSIGNED))

    async def until_none_left(self, *, within: float) -> None:
        """Wait until every order has an installation request.

        Raises:
            NotInTime: some orders have none.
        """

        async def none() -> bool:
            return await self.left() == 0

        await soon(none, within=within, every=_BETWEEN_TRIES, what="every order has been worked off")

    async def until(self, order_id: str, *statuses: OrderStatus, within: float = PATIENCE) -> Document:
        """Wait until the managers' view shows one of the statuses, and return the order.

        Raises:
            NotInTime: it does not.
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
    """Repeat an act until there is a definite answer, as the contract allows. Returns its status.

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
    """Place one order for each key, and repeat until each is answered.

    Raises:
        NotInTime: an order is not answered.
    """
    turns = asyncio.Semaphore(_CUSTOMERS)

    async def one(key: str) -> None:
        async with turns:
            await insist(lambda: everybody.place(key))

    async with asyncio.TaskGroup() as work:
        for key in keys:
            work.create_task(one(key))


async def install(everybody: People, order_ids: Iterable[str], *, within: float) -> None:
    """Complete these orders as their engineers, each as soon as it is requested.

    Args:
        everybody: Users of the service.
        order_ids: Orders that nobody else works on.
        within: Timeout in seconds for all of them.

    Raises:
        NotInTime: an installation is not requested, or an act is not answered.
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
async def people(url: str, token: str | None = None) -> AsyncIterator[People]:
    """Provide users of the API at this URL. They all show the token, of a program that acts for everybody."""
    limits = httpx2.Limits(max_connections=None)
    headers = {"Authorization": f"Bearer {token}"} if token else None
    async with httpx2.AsyncClient(base_url=url, timeout=_ANSWER_WITHIN, limits=limits, headers=headers) as api:
        yield People(api)


def _status(answer: httpx2.Response | None) -> int:
    return NO_ANSWER if answer is None else answer.status_code
