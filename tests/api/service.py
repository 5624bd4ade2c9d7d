"""The API in this process, over its real router, SQLite files and a real Temporal server."""

import shutil
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response
from prometheus_client import CollectorRegistry
from temporalio.service import RPCError

from activities.common.serving import Resources
from api.app import create_app
from api.server import Server
from domain.common import contexts
from domain.orders import Order, OrderStatus, workflow_id
from domain.visits import VisitGrid
from observability.telemetry import SILENT, Telemetry
from runtime.settings import Settings
from runtime.temporal_client import connect
from stores.common.database import Database
from stores.migration import METADATA, migrate
from stores.order_status.view import OrderStatusStore
from tests.api import patience
from tests.days import today
from tests.eventually import PATIENCE, eventually, soon
from tests.workflows.waiting import until_quiet
from worker import WORK

CONTRACT_BODY = {
    "productId": "2001",
    "productName": "internet",
    "installationAddress": "Seoul",
    "customerId": "1",
    "orderDate": "20200715",
    "status": "JOINORDED",
}
"""The order in the contract."""
MOON = {"region": "KR-99", "name": "Moon", "localName": "달", "matches": ["Moon", "달"]}
"""A service area in which no engineer works by default."""
NOWHERE = "sqlite:////nowhere/at/all.db"
"""A database that does not answer."""


class Service:
    """The API, and the workers that a test starts for it."""

    def __init__(self, settings: Settings, app: FastAPI, http: AsyncClient, telemetry: Telemetry = SILENT) -> None:
        self.settings = settings
        self.telemetry = telemetry
        self.app = app
        self.http = http
        self.order_ids: list[str] = []
        self._workers: dict[str, AsyncExitStack] = {}
        http.event_hooks["response"].append(self._note_order)

    async def work(self, *served: str) -> None:
        """Start the workers of the given contexts, or of all."""
        client = await connect(self.settings, interceptors=self.telemetry.interceptors)
        for context in served or contexts.ALL:
            running = self._workers[context] = AsyncExitStack()
            part = None
            if context in contexts.STORES:
                database = Database(self.settings.database_url(context), deadline_seconds=PATIENCE)
                running.push_async_callback(database.dispose)
                part = WORK.parts[context](Resources(database, client, self.settings, CollectorRegistry()))
            await running.enter_async_context(WORK.worker(client, self.settings, context, part))
        patience.wait_for_workers(self._workers)

    async def rest(self, *served: str) -> None:
        """Stop the workers of the given contexts, or of all. The deadlines of production then apply to them."""
        for context in served or list(self._workers):
            await self._workers.pop(context).aclose()
        patience.wait_for_workers(self._workers)

    @asynccontextmanager
    async def opened(self, context: str) -> AsyncIterator[Database]:
        """Open a context's database, for direct access."""
        database = Database(self.settings.database_url(context), deadline_seconds=PATIENCE)
        try:
            yield database
        finally:
            await database.dispose()

    # --- what people do -----------------------------------------------------------------------------------------------

    async def order(self, **changes: Any) -> str:
        """Place an order. Returns its id."""
        answer = await self.http.post("/orders", json=CONTRACT_BODY | changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["orderId"])

    async def hire(self, **changes: Any) -> str:
        """Add a service area on the moon, with one engineer. Returns the engineer's id."""
        assert (await self.http.post("/managementCenters/serviceAreas", json=MOON)).status_code == 201
        body = {"name": "김하나", "region": MOON["region"]} | changes
        answer = await self.http.post("/managementCenters/engineers", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["engineerId"])

    async def act(self, order_id: str, act: str, **body: Any) -> Response:
        """Send an engineer's action."""
        return await self.http.post(f"/installations/{order_id}/{act}", json=body)

    async def requested(self, **changes: Any) -> str:
        """Place an order, and wait until its installation is requested. Returns the order's id."""
        order_id = await self.order(**changes)
        await self.until(order_id, "INSTALLATION_REQUESTED")
        return order_id

    async def completed(self) -> str:
        """Create an order whose workflow has closed after a completed installation. Returns its id."""
        order_id = await self.requested()
        assert (await self.act(order_id, "accept")).status_code == 200
        assert (await self.act(order_id, "complete")).status_code == 200
        await self.closed(order_id)
        return order_id

    async def forgotten(self, status: OrderStatus, order: Order | None = None) -> str:
        """Create an order that only the read model has, as after the server's retention. Returns its id."""
        order = order or Order(uuid4().hex, order_date="2020-07-15")
        order.status = status
        await self.app.state.services.get(OrderStatusStore).put([order])
        return order.order_id

    async def until(self, order_id: str, status: str) -> dict[str, Any]:
        """Wait for a status in the read model. Returns the row."""

        async def row() -> dict[str, Any] | None:
            answer = await self.http.get(f"/orderStatuses/{order_id}")
            return answer.json() if answer.is_success and answer.json()["status"] == status else None

        found = await soon(row, what=f"{order_id} {status}")
        assert found is not None
        return found

    async def until_quiet(self, order_id: str) -> None:
        """Wait until nothing of the order runs. The view may show an order before the end of the step that told it."""
        await until_quiet((await connect(self.settings)).get_workflow_handle(workflow_id(order_id)))

    async def closed(self, order_id: str) -> None:
        """Wait until the order's workflow has closed."""
        client = await connect(self.settings)
        await client.get_workflow_handle(workflow_id(order_id)).result()

    async def taken(self, order_id: str, update: str) -> None:
        """Wait until the order has accepted an update."""
        handle = (await connect(self.settings)).get_workflow_handle(workflow_id(order_id))

        async def accepted() -> bool:
            events = (await handle.fetch_history()).events
            names = (
                event.workflow_execution_update_accepted_event_attributes.accepted_request.input.name
                for event in events
            )
            return update in names

        await soon(accepted, what=f"{update} taken")

    async def end_orders(self) -> None:
        """End all orders on the Temporal server, which other tests use, too."""
        if not self.order_ids:
            return
        client = await connect(self.settings)
        for order_id in self.order_ids:
            try:
                await client.get_workflow_handle(workflow_id(order_id)).terminate()
            except RPCError:
                continue
        self.order_ids.clear()

    async def _note_order(self, answer: Response) -> None:
        path, _, order_id = answer.headers.get("Location", "").rpartition("/")
        if path == "/orders":
            self.order_ids.append(order_id)


def window(hour: int = 9, *, days: int = 3) -> str:
    """Return the start of a window so many days ahead, on a day on which engineers work."""
    grid = VisitGrid()
    day = today() + timedelta(days=days)
    if day.weekday() == 6:
        day += timedelta(days=1)
    start = next(one.start for one in grid.windows_of(day) if one.start.astimezone(grid.zone).hour == hour)
    return f"{start:%Y-%m-%dT%H:%M:%SZ}"


def but(settings: Settings, **changes: Any) -> Settings:
    """Return the settings with some changes."""
    return Settings(**settings.model_dump() | changes)


@asynccontextmanager
async def serving(settings: Settings, telemetry: Telemetry = SILENT) -> AsyncIterator[Service]:
    """Run the API in this event loop."""
    app = create_app(settings, telemetry)
    transport = ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=transport, base_url="http://localhost", timeout=PATIENCE) as http,
    ):
        service = Service(settings, app, http, telemetry)
        try:
            yield service
        finally:
            await service.end_orders()
            await service.rest()


class _Threaded(Server):
    """A server that does not handle signals, which only the main thread may do."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def served(settings: Settings, *, send_buffer: int | None = None) -> Iterator[tuple[str, Server]]:
    """Run the API on a port, in its own thread and event loop. Yields its URL and its server.

    Args:
        settings: The settings of the API.
        send_buffer: Bytes of a response that the kernel keeps for a client that does not read.
    """
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        if send_buffer is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        server = _Threaded(settings)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            eventually(lambda: server.started, what="the API listens")
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", server
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def listening(settings: Settings) -> Iterator[str]:
    """Run the API on a port, for responses that do not end. Yields its URL."""
    with served(settings) as (url, _):
        yield url


async def migrate_all(settings: Settings) -> None:
    """Create the tables of every context."""
    for context in METADATA:
        await migrate(context, settings.database_url(context))


def copy_databases(migrated: Path, data_dir: Path) -> None:
    """Copy freshly migrated databases."""
    shutil.copytree(migrated, data_dir, dirs_exist_ok=True)


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that accepts connections, and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield int(listener.getsockname()[1])
