"""The address of a link is a secret: nothing that this service writes down, or that a browser tells others, has it."""

import logging

import pytest
from httpx2 import ASGITransport, AsyncClient
from structlog.testing import capture_logs

from console.app import create_app
from observability.telemetry import Telemetry
from observability.tracing import Tracing
from runtime.settings import Settings
from stores.order_status.view import OrderStatusStore
from tests.api.collector import collector
from tests.api.service import but, serving
from tests.console.browser import KEYS, ORIGIN, Browser, Line, Pages
from tests.console.tracking.links import ORDERS, PAGE, token_of


async def test_logs_metrics_and_traces_have_the_route_alone(
    without_temporal: Settings, store: OrderStatusStore, caplog: pytest.LogCaptureFixture
) -> None:
    await store.put(ORDERS)
    caplog.set_level(logging.DEBUG)
    good, cut_off = token_of(), token_of()[:-5]
    settings = but(without_temporal, console_session_keys=KEYS, console_url=ORIGIN)
    with collector() as collected, capture_logs() as logged, Tracing(collected.url, "console") as tracing:
        async with serving(without_temporal) as service:
            line = Line(ASGITransport(service.app))
            app = create_app(settings, Telemetry(tracing=tracing), line)
            async with (
                app.router.lifespan_context(app),
                AsyncClient(transport=ASGITransport(app), base_url=ORIGIN) as http,
            ):
                browser = Browser(http)
                for token in (good, cut_off):
                    await browser.get(f"/t/{token}")
                    await browser.get(f"/t/{token}/more")
                    await browser.post(f"/t/{token}")
                await browser.get(PAGE)
                metrics = (await browser.get("/metrics")).text
        tracing.provider.force_flush()
        spans = "\n".join(map(str, collected.spans))

    # The browser of this test writes its own requests down.
    records = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx2", "httpcore2"))]
    for written in (metrics, spans, str(logged), "\n".join(records)):
        assert "/t/ey" not in written
        assert good.rpartition(".")[2][:20] not in written
    assert 'route="/t/{token}"' in metrics
    assert "/t/{token}" in spans
    assert {entry["route"] for entry in logged if entry["event"] == "request answered"} >= {"/t/{token}", "none"}
    # The API is told by a header what the console has from the address.
    assert not [request for request in line.carried if good in str(request.url)]


async def test_a_browser_tells_nobody_the_address(bare: Pages) -> None:
    browser = bare.browser()
    for answer in (
        await browser.get(f"/t/{token_of()}"),
        await browser.post(f"/t/{token_of()}"),
        await browser.post(f"/t/{token_of()}", headers={"Sec-Fetch-Site": "cross-site"}),
        await browser.get(f"/t/{token_of()}/more"),
        await browser.get(f"/t/{token_of()}", headers={"Host": "evil.example"}),
    ):
        assert answer.headers.get_list("referrer-policy") == ["strict-origin"], answer.status_code
        assert answer.headers["cache-control"] == "no-store"
    assert (await browser.get("/login")).headers.get_list("referrer-policy") == ["same-origin"]
