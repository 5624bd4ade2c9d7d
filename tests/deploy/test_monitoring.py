"""The monitoring: Prometheus' configuration, alerts with their tests and runbooks, dashboards."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.references import API_PORT, CONSOLE_PORT, WORKER_PORT
from tests.programs import program

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
DASHBOARDS = sorted((MONITORING / "grafana" / "dashboards").glob("*.json"))


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def alerts() -> dict[str, Any]:
    groups = read(MONITORING / "alerts.yml")["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


@pytest.mark.usefixtures("processes")
def test_prometheus_takes_its_configuration_and_every_alert_passes_its_tests() -> None:
    promtool = program("promtool")
    for arguments in (["check", "config", "--syntax-only", "prometheus.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run([promtool, *arguments], cwd=MONITORING, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("processes")
def test_every_panel_asks_in_the_language_of_prometheus(tmp_path: Path) -> None:
    panels = [panel for path in DASHBOARDS for panel in json.loads(path.read_text())["panels"]]
    rules = [{"record": "panel", "expr": target["expr"]} for panel in panels for target in panel["targets"]]
    # A rule that is there twice is an error, too.
    named = [rule | {"labels": {"number": str(number)}} for number, rule in enumerate(rules)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": named}]}))
    done = subprocess.run(
        [program("promtool"), "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_when_all_is_well_and_before_and_while_it_fires() -> None:
    seen: dict[str, list[bool]] = {name: [] for name in alerts()}
    for test in read(MONITORING / "alerts_test.yml")["tests"]:
        for case in test["alert_rule_test"]:
            seen[case["alertname"]].append("exp_alerts" in case)
    assert {name: fired for name, fired in seen.items() if fired != [False, False, True]} == {}


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    _, runbooks = (ROOT / "docs" / "watching.md").read_text().split("\n# Runbooks\n")
    assert re.findall(r"^## (.+)$", runbooks, re.MULTILINE) == list(alerts())
    for name, rule in alerts().items():
        assert rule["annotations"]["runbook_url"] == f"docs/watching.md#{name.lower()}"


def test_what_is_scraped_are_services_at_the_ports_where_they_show_metrics() -> None:
    services = set(read(ROOT / "docker-compose.yml")["services"])
    jobs = {job["job_name"]: job for job in read(MONITORING / "prometheus.yml")["scrape_configs"]}
    (api,), (workers,) = jobs["api"]["dns_sd_configs"], jobs["worker"]["dns_sd_configs"]
    (console,) = jobs["console"]["dns_sd_configs"]
    assert (api["names"], api["port"]) == (["api"], API_PORT)
    assert (console["names"], console["port"]) == (["console"], CONSOLE_PORT)
    assert set(workers["names"]) == {name for name in services if name.endswith("-worker")}
    assert workers["port"] == WORKER_PORT
    (temporal,) = jobs["temporal"]["static_configs"]
    assert temporal["targets"] == ["temporal:8000"]


def test_dashboards_show_what_the_datasource_has_under_names_of_their_own() -> None:
    (datasource,) = read(MONITORING / "grafana/provisioning/datasources/prometheus.yml")["datasources"]
    boards = [json.loads(path.read_text()) for path in DASHBOARDS]
    assert len({board["uid"] for board in boards}) == len(boards) == 2
    for board in boards:
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)
        for panel in board["panels"]:
            assert panel["title"], panel
            assert {target["datasource"]["uid"] for target in panel["targets"]} == {datasource["uid"]}
