import asyncio
import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from activities.common.process import serve
from domain.common import contexts
from observability import health
from runtime.settings import Settings
from stores.migration import migrate
from tests.api.problems import assert_problem
from tests.api.service import CONTRACT_BODY, NOWHERE, Service, but, serving
from tests.eventually import PATIENCE, soon
from worker import WORK

STORES = {"managementCenterStore", "installationStore", "eventDeliveryStore", "orderStatusStore", "auditStore"}
PARTS = {"temporal", "orderWorkers", *STORES}


async def ready(service: Service) -> Any:
    answer = await service.http.get("/health/ready")
    return answer.status_code, answer.json()


async def test_with_everything_there_the_api_is_ready(service: Service) -> None:
    await service.work(contexts.ORDERS)

    async def polled() -> bool:
        return bool((await ready(service))[1]["parts"]["orderWorkers"] == "up")

    assert await soon(polled)
    assert (await service.http.get("/health/live")).json() == {"status": "live"}
    assert await ready(service) == (200, {"status": "ready", "parts": dict.fromkeys(PARTS, "up")})


async def _logged(caplog: pytest.LogCaptureFixture, text: str) -> bool:
    return text in caplog.text


async def test_with_parts_down_it_is_degraded_and_says_which(
    settings: Settings, free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(but(settings, temporal_port=free_port, installation_database_url=NOWHERE)) as service:
        status, document = await ready(service)
        named = "installation (sqlite) does not answer"
        assert await soon(functools.partial(_logged, caplog, named))

    assert (status, document["status"]) == (200, "degraded")
    assert {part for part, state in document["parts"].items() if state == "down"} == {"temporal", "installationStore"}


async def test_a_store_whose_tables_are_too_old_is_down_until_they_are_migrated(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_FRESH_FOR", 0.0)
    url = f"sqlite:///{tmp_path}/old.db"
    await migrate(contexts.INSTALLATION, url, "0001")
    async with serving(but(settings, installation_database_url=url)) as service:
        assert (await ready(service))[1]["parts"]["installationStore"] == "down"
        await migrate(contexts.INSTALLATION, url)
        assert (await ready(service))[1]["parts"]["installationStore"] == "up"


async def test_a_worker_says_so_too_and_serves_once_they_are_migrated(
    settings: Settings, free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_FRESH_FOR", 0.0)
    url = f"sqlite:///{tmp_path}/old.db"
    await migrate(contexts.MANAGEMENT_CENTER, url, "0001")
    stop = asyncio.Event()
    changed = but(settings, management_center_database_url=url, worker_port=free_port, graceful_shutdown_seconds=0.1)
    async with (
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{free_port}", timeout=PATIENCE) as http,
        asyncio.TaskGroup() as running,
    ):
        running.create_task(serve(changed, [contexts.MANAGEMENT_CENTER], WORK, stop))

        async def store() -> Any:
            try:
                return (await http.get("/health/ready")).json()["parts"].get("managementCenterStore")
            except httpx2.TransportError:
                return None

        async def up() -> bool:
            return bool(await store() == "up")

        assert await soon(store) == "down"
        await migrate(contexts.MANAGEMENT_CENTER, url)
        await soon(up)
        stop.set()


async def test_once_temporal_is_there_orders_are_taken(settings: Settings, free_port: int) -> None:
    async with serving(but(settings, temporal_port=free_port)) as service:
        assert_problem(await service.http.post("/orders", json=CONTRACT_BODY), 503, "temporal-unavailable")

        async def taken() -> bool:
            return (await service.http.post("/orders", json=CONTRACT_BODY)).status_code == 201

        async with passed_on(free_port, settings.temporal_port):
            await soon(taken)
            await service.end_orders()


async def test_requests_are_counted_by_route_and_not_by_what_was_sent(service: Service) -> None:
    await service.http.get("/orderStatuses/some-order")
    await service.http.request("BREW", "/some/where")

    counted = (await service.http.get("/metrics")).text

    assert 'http_request_seconds_count{method="GET",route="/orderStatuses/{orderId}",status="404"} 1.0' in counted
    assert 'http_request_seconds_count{method="other",route="none",status="404"} 1.0' in counted
    assert "some" not in counted
    assert "first_rows_dropped_total 0.0" in counted
    assert "order_status_listeners 0.0" in counted
    assert "starts_in_flight 0.0" in counted


@asynccontextmanager
async def passed_on(port: int, to: int) -> AsyncIterator[None]:
    """Redirect connections to a port to another one."""
    passing: set[asyncio.Task[None]] = set()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        finally:
            writer.close()
            await writer.wait_closed()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", to)
        passing.add(asyncio.create_task(copy(reader, there[1])))
        passing.add(asyncio.create_task(copy(there[0], writer)))

    server = await asyncio.start_server(connect, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)
