"""One trace covers a request and the work of the contexts, and contains no personal data."""

import subprocess
import sys
from pathlib import Path

import pytest

from domain.orders import workflow_id
from observability import tracing as tracing_module
from observability.telemetry import Telemetry
from observability.tracing import Tracing
from runtime.settings import Settings
from runtime.temporal_client import connect
from tests.api.collector import collector
from tests.api.service import but, serving
from tests.api.test_process import is_ready, process, shows_orders
from tests.eventually import PATIENCE, eventually
from tests.workflows.histories import read
from tests.workflows.stage import replay

PERSONAL = {"customerName": "MarkedName", "contactPhone": "01012345678", "note": "MarkedNote"}
ADDRESS = "Seoul MarkedStreet"


async def test_a_request_its_workflow_and_its_activities_are_one_trace(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing_module, "_SEND_WITHIN", PATIENCE)
    with collector() as collected:
        with Tracing(collected.url, "api") as tracing:
            async with serving(but(settings, order_try_for=PATIENCE), Telemetry(tracing=tracing)) as service:
                await service.work()
                service.http.headers["baggage"] = "customer=MarkedName"
                order_id = await service.requested(installationAddress=ADDRESS, **PERSONAL)
                await service.http.get("/orderStatuses", params={"q": ADDRESS})
                await service.http.get("/health/ready")
                assert (await service.act(order_id, "accept")).status_code == 200
                client = await connect(settings)
                history = await client.get_workflow_handle(workflow_id(order_id)).fetch_history()
            await replay(history, read("completed"))
            await replay(history, read("completed"), interceptors=[tracing.interceptor])
        spans = collected.spans

    headers = history.events[0].workflow_execution_started_event_attributes.header.fields
    assert b"traceparent" in headers["_tracer-data"].data
    assert b"Marked" not in headers["_tracer-data"].data
    by_id = {span.span_id: span for span in spans}
    (activity,) = [span for span in spans if span.name == "RunActivity:request_installation"]
    path, span = [activity.name], activity
    while span.parent_span_id:
        span = by_id[span.parent_span_id]
        path.append(span.name)
    assert path == [
        "RunActivity:request_installation",
        "StartActivity:request_installation",
        "StartWorkflow:SubscriptionWorkflow",
        "POST /orders",
    ]
    attributes = {one.key: one.value.string_value for one in activity.attributes}
    assert attributes["temporalWorkflowID"] == workflow_id(order_id)
    assert {"RunWorkflow:SubscriptionWorkflow", "RunActivity:assign_engineer", "RunActivity:project_order"} <= {
        one.name for one in spans if one.trace_id == activity.trace_id
    }
    assert "POST /installations/{orderId}/accept" in {one.name for one in spans}
    assert "GET /health/ready" not in {one.name for one in spans}
    sent = "".join(map(str, spans))
    assert not [text for text in ("Marked", "01012345678") if text in sent]
    assert "url." not in sent


def test_a_process_sends_its_traces_where_the_environment_says_before_it_ends(
    settings: Settings, free_port: int, tmp_path: Path
) -> None:
    alone = but(settings, temporal_port=1)
    with collector() as collected:
        with process(alone, free_port, tmp_path / "log", OTEL_EXPORTER_OTLP_ENDPOINT=collected.url) as running:
            eventually(lambda: is_ready(free_port), what="the API is ready")
            eventually(lambda: shows_orders(free_port), what="the API shows orders")
            running.terminate()
            assert running.wait(timeout=PATIENCE) == 0
        assert {span.name for span in collected.spans} == {"GET /orderStatuses"}
        assert len({span.span_id for span in collected.spans}) == len(collected.spans)
        assert collected.services == {"api"}


@pytest.mark.usefixtures("processes")
def test_without_a_collector_nothing_of_it_is_loaded() -> None:
    loaded = (
        "import sys, worker, api.app, observability.telemetry; "
        "print(*[name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", loaded], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
