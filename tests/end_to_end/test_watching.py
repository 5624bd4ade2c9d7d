"""The processes export every metric that alerts and dashboards need, and no personal data."""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import yaml
from anyio.from_thread import start_blocking_portal
from prometheus_client import CollectorRegistry, generate_latest
from temporalio.api.enums.v1 import EventType
from temporalio.client import ActivityFailureError, Client, WorkflowHandle
from temporalio.common import RetryPolicy

from api.security.tokens import tokens_of, trust_of
from domain.common import contexts
from harness.picky_consumer import picky_consumer
from runtime.settings import Settings
from tests.end_to_end.system import ROOT, System
from tests.eventually import PATIENCE, eventually, soon

MONITORING = ROOT / "deploy" / "monitoring"
PERSONAL = {
    "customerName": "MarkedName",
    "contactPhone": "010-9876-5432",
    "note": "MarkedNote",
    "installationAddress": "Seoul MarkedStreet 7",
}
SOON = timedelta(seconds=30)
PROMETHEUS_OWN = {"up"}
OF_TOKENS = {"issuer_keys_age_seconds", "revoked_tokens_unreadable"}
"""The metrics of an API that requires tokens, unlike the one here."""
OF_CERTIFICATES = {"certificates_expiring", "certificates_expired"}
"""The metrics of a Temporal server with mutual TLS, unlike the one here."""
_STRINGS = re.compile(r'"[^"]*"')
_LABELS = re.compile(r"\{[^}]*\}|\b(?:by|without|on|ignoring)\s*\([^)]*\)|\[[^]]*\]")
_METRIC = re.compile(r"\b(?<!\.)[a-z_][a-z0-9_]*\b(?!\s*\()")
_WORDS = {"or", "and", "unless", "bool", "offset"}


def asked_for() -> set[str]:
    """Return the metrics in the expressions of alerts and dashboards."""
    groups = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    expressions = [rule["expr"] for group in groups for rule in group["rules"]]
    for board in (MONITORING / "grafana" / "dashboards").glob("*.json"):
        panels = json.loads(board.read_text())["panels"]
        expressions += [target["expr"] for panel in panels for target in panel["targets"]]
    return {name for expression in expressions for name in metrics_of(expression)} - PROMETHEUS_OWN


def metrics_of(expression: str) -> set[str]:
    return set(_METRIC.findall(_LABELS.sub("", _STRINGS.sub("", expression)))) - _WORDS


OF_CONSOLE = {"console_request_seconds_count"}
"""The metrics of the console, which is not part of the system here: see `tests/console/test_metrics.py`."""


def scraped(url: str) -> str:
    answer = httpx2.get(f"{url}/metrics", timeout=PATIENCE)
    assert answer.status_code == 200, answer.text
    return answer.text


def everything_scraped(running: System) -> str:
    ports = [running.ports[name] for name in ("api", *contexts.ALL)]
    (temporal,) = re.findall(r"http://localhost:(\d+)/metrics", (running.data_dir / "temporal.log").read_text())[-1:]
    return "\n".join(scraped(f"http://127.0.0.1:{port}") for port in [*ports, temporal])


def names_in(text: str) -> set[str]:
    return set(re.findall(r"^([a-z_]+)[ {]", text, re.MULTILINE))


def test_an_api_that_requires_tokens_shows_how_it_checks_them(tmp_path: Path) -> None:
    revoked, registry = tmp_path / "revoked", CollectorRegistry()
    revoked.touch()
    settings = Settings(data_dir=tmp_path, auth_required=True, revoked_tokens=revoked)
    tokens_of(settings, trust_of(settings), registry)
    assert names_in(generate_latest(registry).decode()) >= OF_TOKENS


def logs_of_ours(running: System) -> list[str]:
    paths = [running.data_dir / f"{name}.log" for name in ("api", *contexts.ALL)]
    return [line for path in paths for line in path.read_text().splitlines()]


async def fail(address: str) -> None:
    """Start a workflow and an activity that do not exist, because failure metrics appear only after a failure."""
    client = await Client.connect(address)
    workflow = await client.start_workflow("NoSuchWorkflow", id=uuid4().hex, task_queue=contexts.ORDERS)
    await soon(lambda: has_failed(workflow), what="a workflow task has failed")
    await workflow.terminate()
    with pytest.raises(ActivityFailureError):
        await client.execute_activity(
            "no_such_activity",
            id=uuid4().hex,
            task_queue=contexts.INSTALLATION,
            schedule_to_close_timeout=SOON,
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


async def has_failed(workflow: WorkflowHandle[Any, Any]) -> bool:
    events = (await workflow.fetch_history()).events
    return any(event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED for event in events)


@pytest.fixture
def following() -> Iterator[str]:
    """The URL of a consumer of events."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(picky_consumer()) as url:
        yield url


def subscribe(running: System, url: str) -> None:
    body, headers = {"name": "a consumer", "kind": "webhook", "url": url}, {"Idempotency-Key": "a-consumer"}
    running.send("POST", "/eventSubscriptions", 200, 201, json=body, headers=headers)


def test_all_that_is_asked_for_is_shown_and_nothing_that_a_person_has_written_is_shown_or_logged(
    talkative: System, following: str
) -> None:
    subscribe(talkative, following)
    order_id = talkative.order(**PERSONAL)
    nowhere = talkative.order(**PERSONAL | {"installationAddress": "MarkedStreet 7"})
    talkative.until(order_id, "INSTALLATION_REQUESTED")
    talkative.until(nowhere, "AWAITING_ENGINEER")
    talkative.get("/orderStatuses", params={"q": "MarkedStreet"})
    talkative.client.post("/orders", json=PERSONAL | {"customerId": ["MarkedName"]})
    talkative.insist(order_id, "accept")
    talkative.insist(order_id, "complete")
    talkative.until(order_id, "JOIN_COMPLETED")
    asyncio.run(fail(f"127.0.0.1:{talkative.ports['temporal']}"))

    # Some appear with the first event that is copied or delivered, and with the first look at subscriptions.
    wanted = asked_for() - OF_TOKENS - OF_CERTIFICATES - OF_CONSOLE
    eventually(lambda: wanted <= names_in(everything_scraped(talkative)), what=f"all of these are shown: {wanted}")
    shown = everything_scraped(talkative)

    talkative.cancel(nowhere)
    lines = [json.loads(line) for line in logs_of_ours(talkative)]
    assert {"request answered", "log level changed"} <= {line["event"] for line in lines}
    assert order_id in {line.get("order_id") for line in lines}
    for marked in ("Marked", PERSONAL["contactPhone"]):
        assert marked not in shown
        assert [line for line in lines if marked in json.dumps(line)] == []
