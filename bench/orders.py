"""Ways in which the bench places orders and acts as engineers: by Temporal's client, or over HTTP."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Protocol
from uuid import uuid4

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from domain.common import contexts
from domain.installation import EngineerAct
from domain.order_policy import OrderPolicy
from domain.orders import Order, Subscription, workflow_id
from harness.http_client import Connection
from runtime.settings import Settings
from workflows.orders import visibility

BODY = {
    "productId": "2001",
    "productName": "internet",
    "installationAddress": "서울특별시 강남구 테헤란로 1",
    "customerId": "1",
    "customerName": "홍길동",
    "contactPhone": "010-0000-0000",
    "orderDate": "20200715",
}
ENCODED = json.dumps(BODY, ensure_ascii=False).encode()
_FINGERPRINT = "0" * 64


def subscription() -> Subscription:
    """Create the input that the API creates from the body."""
    order = Order(
        order_id=uuid4().hex,
        customer_id=BODY["customerId"],
        customer_name=BODY["customerName"],
        contact_phone=BODY["contactPhone"],
        product_id=BODY["productId"],
        product_name=BODY["productName"],
        installation_address=BODY["installationAddress"],
        order_date="2020-07-15",
    )
    order.mark_ordered(at=datetime.now(UTC))
    return Subscription(order, _policy())


@cache
def _policy() -> OrderPolicy:
    return Settings().order_policy


class Way(Protocol):
    """Way of completing an order. `engineer_id` is the engineer with the request."""

    async def place(self) -> str:
        """Place an order, and return its id."""

    async def act(self, act: str, order_id: str, engineer_id: str) -> None:
        """Accept or complete as the engineer. Returns when that has been carried out."""


@dataclass(frozen=True)
class ByClient:
    """By Temporal's client, for either workflow."""

    client: Client
    workflow: str = "SubscriptionWorkflow"
    task_queue: str = contexts.ORDERS

    async def place(self) -> str:
        """Call `start_workflow` with everything that the API passes to it."""
        workflow_input = subscription()
        await self.client.start_workflow(
            self.workflow,
            workflow_input,
            id=workflow_id(workflow_input.order.order_id),
            task_queue=self.task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            memo={"fingerprint": _FINGERPRINT},
            search_attributes=visibility.first_attributes(workflow_input.order),
            static_summary=visibility.summary(workflow_input.order),
        )
        return workflow_input.order.order_id

    async def act(self, act: str, order_id: str, engineer_id: str) -> None:
        """Send an update."""
        handle = self.client.get_workflow_handle(workflow_id(order_id))
        await handle.execute_update(act, EngineerAct(engineer_id, 1), id=f"{act}-1-{engineer_id}")


@dataclass
class OverHttp:
    """Over the service's API, with as many requests at once as there are connections."""

    idle: list[Connection] = field(default_factory=list)

    async def place(self) -> str:
        """Send `POST /orders`."""
        document = await self.send("POST", "/orders", ENCODED, expected=201)
        return str(json.loads(document)["orderId"])

    async def act(self, act: str, order_id: str, engineer_id: str) -> None:  # noqa: ARG002 - the API knows who
        """Send `POST /installations/{orderId}/{act}`."""
        await self.send("POST", f"/installations/{order_id}/{act}")

    async def send(
        self, method: str, path: str, body: bytes | None = None, *, token: str | None = None, expected: int = 200
    ) -> bytes:
        """Send a request, repeat it after each 503, and return the body of the response.

        Raises:
            TimeoutError, ConnectionError: there is no answer.
            RuntimeError: the status is not the expected one.
        """
        connection = self.idle.pop()
        try:
            answer = await connection.answered(method, path, body, token)
        finally:
            self.idle.append(connection)
        if answer.status != expected:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.body.decode()}")
        return answer.body
