"""docker-compose.yml: who reaches whom, and what a change of a setting does."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.waiting import PATIENCE
from runtime.settings import Settings
from tests.deploy.image import PROJECT

_COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
_SERVICES: dict[str, dict[str, Any]] = _COMPOSE["services"]
_OURS = {name: service for name, service in _SERVICES.items() if service["image"].startswith("subscription-orders:")}
_WORKERS = {name for name in _OURS if name.endswith("-worker")}
_VERSION = re.compile(r"Server ([0-9.]+), UI ([0-9.]+)")


def _reaching(name: str) -> set[str]:
    """Return the services that have a network together with this one."""
    networks = set(_SERVICES[name]["networks"])
    return {other for other, service in _SERVICES.items() if networks & set(service["networks"])} - {name}


def test_every_service_is_in_a_tier_and_every_tier_has_services() -> None:
    used = {network for service in _SERVICES.values() for network in service["networks"]}

    assert used == set(_COMPOSE["networks"])


def test_only_the_service_itself_and_those_who_watch_it_reach_temporal() -> None:
    assert _reaching("temporal") == _WORKERS | {
        *("api", "temporal-namespace", "temporal-ui"),
        *("prometheus", "grafana"),  # in the network of metrics
        *("postgres", "temporal-schema"),  # in the network of its database
    }


def test_only_who_has_a_database_reaches_it() -> None:
    having = {name for name, service in _OURS.items() if any("database" in str(one) for one in service["secrets"])}

    assert _reaching("mariadb") == having | {"postgres"}
    assert _reaching("postgres") == having | {"mariadb", "temporal", "temporal-schema"}
    assert "orders-worker" not in having


def test_only_what_is_published_or_sends_events_has_a_way_out() -> None:
    outward = {name for name, network in _COMPOSE["networks"].items() if not (network or {}).get("internal")}

    assert {name for name, service in _SERVICES.items() if outward & set(service["networks"])} == {
        name for name, service in _SERVICES.items() if "ports" in service or name == "event-delivery-worker"
    }


def test_prometheus_finds_each_process_once() -> None:
    """A name is resolved to an address in each network that both are in."""
    own = set(_SERVICES["prometheus"]["networks"])

    for name in _WORKERS | {"api", "temporal"}:
        assert len(own & set(_SERVICES[name]["networks"])) == 1


def test_temporal_says_one_address_of_its_own() -> None:
    """The image would take the address in every network, one a line, for a single address."""
    assert len(_SERVICES["temporal"]["networks"]) > 1
    assert _SERVICES["temporal"]["environment"]["TEMPORAL_BROADCAST_ADDRESS"] == "127.0.0.1"


@pytest.mark.parametrize("name", [*_OURS, "temporal", "temporal-namespace", "temporal-ui", "prometheus", "grafana"])
def test_no_proxy_is_asked_for_a_neighbor(name: str) -> None:
    for scheme in ("HTTP", "HTTPS", "ALL"):
        for variable in (f"{scheme}_PROXY", f"{scheme}_proxy".lower()):
            assert _SERVICES[name]["environment"][variable] == ""


def test_another_store_of_the_view_makes_every_container_anew_that_reads_it() -> None:
    """Compose compares a service's definition, in which a secret is a name: the file behind it may change unnoticed."""
    reading = {name for name, service in _OURS.items() if "order_status_database_url" in service["secrets"]}
    switch = re.findall(r"\$\{\w+[^}]*\}", _COMPOSE["secrets"]["order_status_database_url"]["file"])

    assert reading == {"api", "order-status-worker", "migrations"}
    for name in reading:
        assert list(_SERVICES[name]["labels"].values()) == switch


def test_every_setting_can_be_set() -> None:
    for service in [*_OURS.values(), _SERVICES["temporal-namespace"]]:
        assert service["env_file"] == [{"path": "./settings.env", "required": False}]
    assert "settings.env" in (PROJECT / ".gitignore").read_text().split()
    # The retention is a setting of the processes and the namespace's, from one place.
    assert not [name for name, service in _SERVICES.items() if "TEMPORAL_RETENTION" in service.get("environment", {})]
    namespace = (PROJECT / "deploy" / "temporal" / "namespace.sh").read_text()
    assert f"TEMPORAL_RETENTION:-{Settings.model_fields['temporal_retention'].default}}}s" in namespace


@pytest.mark.usefixtures("processes")
def test_temporal_is_the_one_that_everything_is_tested_with() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("temporal"), "--version"],
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    tested = _VERSION.search(done.stdout)
    assert tested
    server, web_ui = tested.groups()
    values = yaml.safe_load((PROJECT / "deploy" / "kubernetes" / "temporal" / "values.yaml").read_text())

    assert {name: service["image"] for name, service in _SERVICES.items() if "temporalio/" in service["image"]} == {
        "temporal": f"temporalio/server:{server}",
        "temporal-schema": f"temporalio/admin-tools:{server}",
        "temporal-namespace": f"temporalio/admin-tools:{server}",
        "temporal-ui": f"temporalio/ui:{web_ui}",
    }
    assert [values[part]["image"]["tag"] for part in ("admintools", "web")] == [server, web_ui]
    assert values["server"]["image"]["tag"] == server
