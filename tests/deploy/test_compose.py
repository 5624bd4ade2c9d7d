"""docker-compose.yml refers only to what exists."""

import asyncio
import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from api.security.principals import Role
from api.security.revocations import Revocations
from api.security.tokens import Tokens, trust_of
from domain.common import contexts
from runtime.development_issuer import AUDIENCE, ISSUER
from runtime.payload_keys import read_file
from runtime.settings import Settings
from tests.deploy.image import DOCKERFILE, PROJECT, files
from tests.deploy.references import API_PORT, CONSOLE_PORT, SETTINGS, THE_SDKS, WORKER_PORT, assert_probe, program_of
from tests.eventually import PATIENCE, soon
from tests.processes import starts_processes
from tests.programs import program
from workflows.orders.visibility import SEARCH_ATTRIBUTES

_FILE = PROJECT / "docker-compose.yml"
_COMPOSE: dict[str, Any] = yaml.safe_load(_FILE.read_text())
_SERVICES: dict[str, dict[str, Any]] = _COMPOSE["services"]
_IMAGE = "subscription-orders:${RELEASE:-local}"
_OURS = {name: service for name, service in _SERVICES.items() if service["image"] == _IMAGE}
_ONE_SHOT = {"migrations", "temporal-schema", "temporal-namespace"}
_BEGINS_AS_ROOT = {"postgres", "mariadb"}
"""Images that give their data to another user before they become it."""
_API_COMMAND = ["python", "-m", "api"]
_PROXIES = dict.fromkeys(
    (name for scheme in ("http", "https", "all") for name in (f"{scheme}_proxy", f"{scheme}_PROXY".upper())), ""
)


def test_compose_understands_it(secrets: Path) -> None:
    docker = str(program("docker"))
    if subprocess.run([docker, "compose", "version"], check=False, capture_output=True, timeout=PATIENCE).returncode:
        pytest.skip("docker has no compose")
    place = ["--file", str(_FILE), "--project-directory", str(secrets.parent)]
    profiles = ["--profile", "mariadb", "--profile", "monitoring", "--profile", "console"]
    subprocess.run([docker, "compose", *place, *profiles, "config", "--quiet"], check=True, timeout=PATIENCE)


def test_every_context_has_a_worker_of_its_own_that_can_be_scaled() -> None:
    served = {
        name: service["command"][service["command"].index("--context") + 1]
        for name, service in _OURS.items()
        if "worker.py" in service.get("command", [])
    }

    assert served == {f"{context}-worker": context for context in contexts.ALL}
    assert not [name for name in served if {"ports", "container_name"} & _SERVICES[name].keys()]


def test_one_service_builds_the_image_and_nobody_pulls_it() -> None:
    """Builds of one tag at once end with "already exists", and the image is on no registry."""
    assert [name for name, service in _SERVICES.items() if "build" in service] == ["migrations"]
    assert {service["pull_policy"] for service in _OURS.values()} == {"never"}
    # Whoever starts one service has the image built.
    assert all("migrations" in service["depends_on"] for name, service in _OURS.items() if name not in _ONE_SHOT)


@pytest.mark.parametrize("name", _OURS)
def test_our_processes_are_started_and_set_as_the_code_says(name: str) -> None:
    service = _OURS[name]
    command = service.get("command", _API_COMMAND)

    assert program_of(command) in files()
    assert set(service["environment"]) - _PROXIES.keys() <= SETTINGS | THE_SDKS
    assert {_target(secret).upper() for secret in service.get("secrets", [])} <= SETTINGS
    if name not in _ONE_SHOT and "healthcheck" in service:
        assert_probe(command, service["healthcheck"]["test"][-1])


def test_the_images_own_check_is_that_of_the_api() -> None:
    url = re.search(r"HEALTHCHECK.*?(http[^\"]+)", DOCKERFILE, re.DOTALL)
    assert url
    assert_probe(_API_COMMAND, url[1])


@pytest.mark.parametrize("name", sorted(_OURS.keys() - _ONE_SHOT))
def test_a_stopping_process_has_the_time_that_it_takes(name: str) -> None:
    environment = {key.lower(): value for key, value in _as_it_comes(_OURS[name]).items() if key in SETTINGS and value}
    settings = Settings.model_validate({**environment, "secrets_dir": None})

    assert int(_OURS[name]["stop_grace_period"].removesuffix("s")) >= (
        settings.drain_seconds + settings.graceful_shutdown_seconds + 10
    )


def test_no_worker_gets_anothers_database() -> None:
    for context in contexts.ALL:
        own = f"{context.replace('-', '_')}_database_url"
        assert set(_SERVICES[f"{context}-worker"]["secrets"]) <= {"payload_keys", own}


def test_who_talks_to_temporal_has_what_its_content_is_encrypted_with() -> None:
    assert {name for name in _OURS if "payload_keys" not in _OURS[name]["secrets"]} == {"migrations", "console"}


@pytest.mark.parametrize("name", _SERVICES)
def test_who_is_waited_for_is_there_and_can_be_waited_for(name: str) -> None:
    for other, how in _SERVICES[name].get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert _SERVICES[other]["healthcheck"]["test"]
        else:
            assert how["condition"] == "service_completed_successfully"
            assert other in _ONE_SHOT
        assert "profiles" not in _SERVICES[other] or "profiles" in _SERVICES[name] or how["required"] is False


@pytest.mark.parametrize("name", _SERVICES)
def test_a_service_is_pinned_bounded_and_looked_after(name: str) -> None:
    service = _SERVICES[name]

    assert name in _OURS or re.fullmatch(
        r"[a-z/-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?(@sha256:[0-9a-f]{64})?", service["image"]
    )
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}
    assert service["restart"].startswith("on-failure:" if name in _ONE_SHOT else "unless-stopped")
    assert name in _ONE_SHOT | {"api"} or "healthcheck" in service


@pytest.mark.parametrize("name", _SERVICES)
def test_a_container_has_no_right_that_it_does_not_need(name: str) -> None:
    service = _SERVICES[name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert ("cap_add" in service) == (name in _BEGINS_AS_ROOT)


def test_only_the_api_the_console_and_the_web_pages_are_published_and_only_on_loopback() -> None:
    published = {name: service["ports"] for name, service in _SERVICES.items() if "ports" in service}

    assert published.keys() == {"api", "console", "temporal-ui", "prometheus", "grafana"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_only_the_console_is_taken_at_its_word_for_who_asks_until_a_proxy_is_named() -> None:
    api, network = _SERVICES["api"], _COMPOSE["networks"]["console"]

    assert [{"subnet": _as_it_comes(api)["TRUSTED_PROXIES"]}] == network["ipam"]["config"]
    assert network["internal"]
    assert {name for name, service in _SERVICES.items() if "console" in service["networks"]} == {"api", "console"}
    assert api["environment"]["TRUSTED_PROXIES"].startswith("${TRUSTED_PROXIES")


def test_secrets_and_volumes_are_declared_and_used() -> None:
    used = [_source(secret) for service in _SERVICES.values() for secret in service.get("secrets", [])]
    mounts = [mount.partition(":")[0] for service in _SERVICES.values() for mount in service.get("volumes", [])]

    assert set(used) == set(_COMPOSE["secrets"])
    assert {mount for mount in mounts if not mount.startswith("./")} == set(_COMPOSE["volumes"])


def test_what_is_mounted_is_there() -> None:
    mounted = {
        mount.split(":")[0]
        for service in _SERVICES.values()
        for mount in service.get("volumes", [])
        if mount.startswith("./")
    }

    assert not [place for place in mounted if not (PROJECT / place).is_dir()]


def test_the_api_is_open_to_nobody(secrets: Path) -> None:
    keys, _ = _SERVICES["api"]["configs"]
    default = _as_it_comes(_SERVICES["api"])

    assert (default["AUTH_ISSUER"], default["AUTH_AUDIENCE"]) == (ISSUER, AUDIENCE)
    assert default["AUTH_JWKS_URL"] == f"file:///{keys}"
    (key,) = json.loads((secrets.parent / _COMPOSE["configs"][keys]["file"]).read_text())["keys"]
    assert "d" not in key
    prometheus = yaml.safe_load((PROJECT / "deploy" / "monitoring" / "prometheus.yml").read_text())
    (token,) = _SERVICES["prometheus"]["secrets"]
    assert prometheus["scrape_configs"][0]["authorization"] == {"credentials_file": f"/run/secrets/{token}"}


def test_the_api_reads_the_revocations_that_are_beside_the_secrets(secrets: Path) -> None:
    file = _SERVICES["api"]["environment"]["REVOKED_TOKENS"]

    assert file.removeprefix("/") in _SERVICES["api"]["configs"]
    Revocations(secrets.parent / _COMPOSE["configs"][file.removeprefix("/")]["file"], CollectorRegistry())


async def test_the_token_that_prometheus_sends_is_an_operators(secrets: Path) -> None:
    default = _as_it_comes(_SERVICES["api"])
    keys, _ = _SERVICES["api"]["configs"]
    file = secrets.parent / _COMPOSE["configs"][keys]["file"]
    trust = trust_of(
        Settings(
            auth_issuer=default["AUTH_ISSUER"],
            auth_audience=default["AUTH_AUDIENCE"],
            auth_roles_claim=default["AUTH_ROLES_CLAIM"],
            auth_jwks_url=f"file://{file}",
        )
    )
    assert trust is not None

    found = await Tokens(trust).check((secrets.parent / _COMPOSE["secrets"]["metrics_token"]["file"]).read_text())

    assert found.roles == {Role.OPERATOR}


def test_prometheus_asks_the_services_where_they_answer() -> None:
    jobs = yaml.safe_load((PROJECT / "deploy" / "monitoring" / "prometheus.yml").read_text())["scrape_configs"]
    asked = {
        (name, found["port"]) for job in jobs for found in job.get("dns_sd_configs", []) for name in found["names"]
    }

    workers = {(f"{context}-worker", WORKER_PORT) for context in contexts.ALL}
    assert asked == workers | {("api", API_PORT), ("console", CONSOLE_PORT)}
    assert [found["targets"] for job in jobs for found in job.get("static_configs", [])] == [["temporal:8000"]]
    assert _SERVICES["temporal"]["environment"]["PROMETHEUS_ENDPOINT"] == "0.0.0.0:8000"


@pytest.mark.parametrize("make", ["postgresql", "mariadb"])
def test_make_secrets_makes_every_secret(secrets: Path, make: str) -> None:
    for secret in _COMPOSE["secrets"].values():
        file = secret["file"].replace("${ORDER_STATUS_STORE:-postgresql}", make)
        assert (secrets.parent / file).is_file()
    assert read_file(secrets / "payload_keys").newest == "1"


async def test_the_namespace_is_made_with_the_orders_search_attributes(temporal_address: str) -> None:
    """The script is retried as in compose, because a new namespace is not known at once."""
    namespace = f"compose-{os.getpid()}"
    programs = Path(sys.executable).parent
    environment = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "TEMPORAL_ADDRESS": temporal_address,
        "TEMPORAL_NAMESPACE": namespace,
        "TEMPORAL_RETENTION": str(24 * 60 * 60),
    }
    script = PROJECT / "deploy" / "temporal" / "namespace.sh"

    async def made() -> bool:
        process = await asyncio.create_subprocess_exec("/bin/sh", script, env=environment)
        return await process.wait() == 0

    await soon(made, every=0.5)

    client = await Client.connect(temporal_address, namespace=namespace)
    known = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace=namespace))
    described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    assert {key.name for key in SEARCH_ATTRIBUTES} <= known.custom_attributes.keys()
    assert described.config.workflow_execution_retention_ttl.ToTimedelta() == timedelta(hours=24)


def test_only_the_migrations_own_the_audits_tables() -> None:
    having = {
        name: [_source(secret) for secret in service["secrets"] if _target(secret) == "audit_database_url"]
        for name, service in _OURS.items()
    }

    assert {name: secrets for name, secrets in having.items() if secrets} == {
        "api": ["audit_writer_database_url"],
        "migrations": ["audit_database_url"],
    }


def _source(secret: str | dict[str, str]) -> str:
    return secret if isinstance(secret, str) else secret["source"]


def _target(secret: str | dict[str, str]) -> str:
    """Return the name of a secret's file in the container."""
    return secret if isinstance(secret, str) else secret["target"]


def _as_it_comes(service: dict[str, Any]) -> dict[str, str]:
    """Return the default environment of a service, without variables from outside."""
    return {name: re.sub(r"\$\{\w+:?-(.*)\}", r"\1", value) for name, value in service["environment"].items()}


@pytest.fixture(scope="module")
@starts_processes()
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("compose") / "secrets"
    environment = os.environ | {"PYTHON": sys.executable}
    subprocess.run([PROJECT / "deploy" / "secrets.sh", directory], env=environment, check=True, timeout=PATIENCE)
    return directory
