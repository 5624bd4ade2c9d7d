"""deploy/kubernetes is valid, and refers only to what exists."""

import re
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from jsonschema import Draft202012Validator

from api.app import create_app
from console.settings import check
from domain.common import contexts
from runtime.settings import Settings
from tests.deploy.image import PROJECT, files
from tests.deploy.kubernetes import (
    KUBERNETES,
    SECRETS,
    Object,
    component,
    environment,
    matches,
    named,
    rendered,
    secrets,
    workloads,
)
from tests.deploy.references import HEALTH, SETTINGS, THE_SDKS, port_of, program_of

pytestmark = pytest.mark.usefixtures("processes")
"""The tests run kubectl, which renders the objects."""

_BYTES_OF_A_CACHED_ORDER = 230_000
"""With the garbage of orders that have left the cache: `python -m bench --only open`."""
_THERE_ONCE = {"api", "console"}
"""Components that every release replaces. Of the others, each release has its own."""
_STOP_MARGIN = 10
"""Seconds for the process to exit, beyond its graceful shutdown."""


def test_every_object_is_what_its_kind_allows(
    objects: tuple[Object, ...], validators: dict[str, Draft202012Validator]
) -> None:
    for item in objects:
        errors = [f"{error.json_path}: {error.message}" for error in validators[item["kind"]].iter_errors(item)]
        assert not errors, item["metadata"]["name"]


def test_the_schemas_refuse_what_is_misspelt(validators: dict[str, Draft202012Validator]) -> None:
    for item in rendered("cloud"):
        if "spec" in item:
            misspelt = item | {"spec": item["spec"] | {"replicass": 3}}
            assert list(validators[item["kind"]].iter_errors(misspelt)), item["kind"]


def test_every_process_is_started_and_set_as_the_code_says(objects: tuple[Object, ...]) -> None:
    for workload in workloads(objects):
        container = workload["spec"]["template"]["spec"]["containers"][0]
        found = environment(objects, workload)
        assert program_of(container["command"]) in files()
        assert found.keys() <= SETTINGS | THE_SDKS
        assert found["SECRETS_DIR"] == SECRETS
        settings = {name.lower(): value for name, value in found.items() if name in SETTINGS}
        Settings.model_validate({**settings, "secrets_dir": None})


def test_nothing_but_what_is_here_says_how_a_process_is_set(objects: tuple[Object, ...]) -> None:
    """By default, a Service `api` sets `API_PORT=tcp://…` in every pod of its namespace."""
    for workload in workloads(objects):
        assert workload["spec"]["template"]["spec"]["enableServiceLinks"] is False


def test_the_api_is_open_to_nobody(objects: tuple[Object, ...]) -> None:
    (api,) = named(objects, "Deployment", "api")
    found = environment(objects, api)

    assert found["AUTH_ISSUER"].startswith("https://")
    assert found["AUTH_AUDIENCE"]
    assert found["REVOKED_TOKENS"] == f"{SECRETS}/revoked_subjects"
    assert "revoked-subjects" in secrets(api)


def test_every_context_has_workers_of_its_own_version(objects: tuple[Object, ...]) -> None:
    workers = [item for item in named(objects, "Deployment") if component(item) == "worker"]

    assert {item["spec"]["template"]["spec"]["containers"][0]["command"][-1] for item in workers} == set(contexts.ALL)
    for worker in workers:
        labels = worker["spec"]["template"]["metadata"]["labels"]
        pod = worker["spec"]["template"]["spec"]
        assert labels["context"] == pod["containers"][0]["command"][-1]
        assert environment(objects, worker)["WORKER_BUILD_ID"] == labels["app.kubernetes.io/version"]
        own = set() if labels["context"] == contexts.ORDERS else {f"{labels['context']}-database"}
        assert secrets(worker) == {"payload-keys", *own}


def test_who_talks_to_temporal_has_what_its_content_is_encrypted_with(objects: tuple[Object, ...]) -> None:
    for workload in workloads(objects):
        talks = "TEMPORAL_ADDRESS" in environment(objects, workload)
        assert ("payload-keys" in secrets(workload)) == talks


def test_a_release_has_one_name_everywhere(objects: tuple[Object, ...]) -> None:
    (api,) = named(objects, "Deployment", "api")
    release = api["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]

    for workload in workloads(objects):
        assert workload["spec"]["template"]["spec"]["containers"][0]["image"].endswith(f":{release}")
        if component(workload) not in _THERE_ONCE:
            assert workload["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/version"] == release
            assert workload["metadata"]["name"].endswith(f"-{re.sub('[^a-z0-9]', '-', release)}")


def test_probes_ask_where_the_process_answers(objects: tuple[Object, ...]) -> None:
    for workload in named(objects, "Deployment"):
        container = workload["spec"]["template"]["spec"]["containers"][0]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        asked = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
        assert {probe["path"] for probe in asked.values()} <= HEALTH
        assert {ports[probe["port"]] for probe in asked.values()} == {port_of(container["command"])}
        assert asked["liveness"]["path"] != asked["readiness"]["path"]
        scraped = workload["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"]
        assert scraped == str(port_of(container["command"]))


def test_a_deployment_is_replaced_without_a_gap(objects: tuple[Object, ...]) -> None:
    for workload in named(objects, "Deployment"):
        pod = workload["spec"]["template"]["spec"]
        found = environment(objects, workload)
        takes = float(found["GRACEFUL_SHUTDOWN_SECONDS"]) + float(found["DRAIN_SECONDS"])
        assert workload["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        assert pod["terminationGracePeriodSeconds"] >= takes + _STOP_MARGIN
        assert "replicas" not in workload["spec"]


def test_every_pod_is_restricted_and_bounded(objects: tuple[Object, ...]) -> None:
    for workload in workloads(objects):
        pod = workload["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["serviceAccountName"] in {item["metadata"]["name"] for item in named(objects, "ServiceAccount")}
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert container["resources"]["limits"]["memory"]


def test_selectors_take_in_the_pods_of_one_deployment(objects: tuple[Object, ...]) -> None:
    deployments = named(objects, "Deployment")
    selectors = [item["spec"]["selector"] for item in named(objects, "PodDisruptionBudget")]
    selectors += [item["spec"]["selector"] for item in deployments]
    selectors += [{"matchLabels": item["spec"]["selector"]} for item in named(objects, "Service")]
    selectors += [
        constraint["labelSelector"]
        for item in deployments
        for constraint in item["spec"]["template"]["spec"]["topologySpreadConstraints"]
    ]
    for selector in selectors:
        taken = [item for item in deployments if matches(selector, item["spec"]["template"]["metadata"]["labels"])]
        assert len(taken) == 1
        # What a release has of its own leaves the pods of the release before alone.
        assert component(taken[0]) in _THERE_ONCE or "app.kubernetes.io/version" in selector["matchLabels"]
    assert len(named(objects, "PodDisruptionBudget")) == len(deployments)


def test_autoscalers_scale_what_is_there_and_never_to_none(objects: tuple[Object, ...]) -> None:
    deployments = {item["metadata"]["name"]: item for item in named(objects, "Deployment")}

    for autoscaler in named(objects, "HorizontalPodAutoscaler"):
        assert autoscaler["spec"]["scaleTargetRef"]["name"] in deployments
        assert autoscaler["spec"]["minReplicas"] >= 1
    for autoscaler in named(objects, "ScaledObject"):
        worker = deployments[autoscaler["spec"]["scaleTargetRef"]["name"]]
        (trigger,) = autoscaler["spec"]["triggers"]
        found = environment(objects, worker)
        context = worker["spec"]["template"]["metadata"]["labels"]["context"]
        assert autoscaler["spec"]["minReplicaCount"] >= 1
        assert trigger["metadata"] == trigger["metadata"] | {
            "endpoint": found["TEMPORAL_ADDRESS"],
            "namespace": found["TEMPORAL_NAMESPACE"],
            "taskQueue": context,
            "workerDeploymentName": f"{found['WORKER_DEPLOYMENT_NAME']}-{context}",
            "workerDeploymentBuildId": found["WORKER_BUILD_ID"],
        }


@pytest.mark.parametrize("overlay", ["production", "cloud"])
def test_in_production_every_worker_scales_with_its_backlog(overlay: str) -> None:
    objects = rendered(overlay)
    authentication = {item["metadata"]["name"] for item in named(objects, "TriggerAuthentication")}

    assert len(named(objects, "ScaledObject")) == len(contexts.ALL)
    for autoscaler in named(objects, "ScaledObject"):
        used = autoscaler["spec"]["triggers"][0].get("authenticationRef", {}).get("name")
        assert used in (authentication or {None})


@pytest.mark.parametrize("name", sorted(_THERE_ONCE))
def test_the_way_in_leads_there_with_tls_and_a_limit(name: str) -> None:
    objects = rendered("production")
    (route,) = named(objects, "HTTPRoute", name)
    (rule,) = route["spec"]["rules"]
    (service,) = named(objects, "Service", rule["backendRefs"][0]["name"])
    (gateway,) = named(objects, "Gateway", route["spec"]["parentRefs"][0]["name"])
    (limit,) = [found["extensionRef"]["name"] for found in rule["filters"] if "extensionRef" in found]
    (middleware,) = named(objects, "Middleware", limit)
    listeners = {listener["name"]: listener for listener in gateway["spec"]["listeners"]}
    (deployment,) = named(objects, "Deployment", name)

    assert listeners[route["spec"]["parentRefs"][0]["sectionName"]]["tls"]["certificateRefs"]
    assert middleware["spec"]["rateLimit"]["average"] > 0
    (port,) = service["spec"]["ports"]
    assert rule["backendRefs"][0]["port"] == port["port"]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert port["targetPort"] in {found["name"] for found in container["ports"]}


def test_the_console_is_the_host_that_it_calls_itself_and_finds_the_api() -> None:
    objects = rendered("production")
    (console,) = named(objects, "Deployment", "console")
    found = environment(objects, console)
    (gateway,) = named(objects, "Gateway")
    hosts = {listener["hostname"] for listener in gateway["spec"]["listeners"] if "console" in listener["name"]}
    (service,) = named(objects, "Service", urlsplit(found["CONSOLE_API_URL"]).hostname)

    assert {urlsplit(found["CONSOLE_URL"]).hostname} == hosts
    assert (urlsplit(found["CONSOLE_API_URL"]).port or 80) in {port["port"] for port in service["spec"]["ports"]}


def test_the_console_starts_as_it_is_set(objects: tuple[Object, ...]) -> None:
    (console,) = named(objects, "Deployment", "console")
    settings = {name.lower(): value for name, value in environment(objects, console).items() if name in SETTINGS}

    check(Settings.model_validate({**settings, "secrets_dir": None}))
    assert secrets(console) == {"console-session-keys", "console-oidc-client"}


def test_all_is_reached_by_https_alone_and_browsers_remember_that() -> None:
    objects = rendered("production")
    gateway = named(objects, "Gateway")[0]
    plain = {one["name"] for one in gateway["spec"]["listeners"] if one["protocol"] == "HTTP"}
    routes = named(objects, "HTTPRoute")
    over_http = [route for route in routes if route["spec"]["parentRefs"][0].get("sectionName") in {*plain, None}]
    encrypted = [route for route in routes if route not in over_http]

    # A client that sends its token in clear text has to notice. Only people, who type an address, are led on.
    for route in over_http:
        opened = ["/"] if route["metadata"]["name"].startswith("console") else ["/docs"]
        for rule in route["spec"]["rules"]:
            assert [match["path"]["value"] for match in rule["matches"]] == opened
            assert [one["type"] for one in rule["filters"]] == ["RequestRedirect"]
            assert "backendRefs" not in rule
    assert len(encrypted) == len(over_http) == len(plain) == len(_THERE_ONCE)
    for rule in [rule for route in encrypted for rule in route["spec"]["rules"]]:
        headers = [header for one in rule["filters"] for header in one.get("responseHeaderModifier", {}).get("set", [])]
        (hsts,) = [one["value"] for one in headers if one["name"] == "Strict-Transport-Security"]
        assert int(hsts.partition("max-age=")[2].partition(";")[0]) >= 365 * 24 * 60 * 60


def test_the_way_ins_word_for_the_clients_address_counts_and_nobody_elses(objects: tuple[Object, ...]) -> None:
    for name in _THERE_ONCE:
        (deployment,) = named(objects, "Deployment", name)
        trusted = environment(objects, deployment).get("TRUSTED_PROXIES", "")
        assert bool(trusted) == bool(named(objects, "Gateway"))
        assert all(ip_network(network).is_private for network in filter(None, trusted.split(",")))


def test_the_way_in_is_open_for_all_that_is_for_everybody() -> None:
    (route,) = named(rendered("production"), "HTTPRoute", "api")
    prefixes = tuple(match["path"]["value"] for match in route["spec"]["rules"][0]["matches"])
    paths = set(create_app(Settings()).openapi()["paths"])

    assert {path for path in paths if not path.startswith(prefixes)} == {*HEALTH} & paths


def test_a_worker_of_orders_has_the_memory_for_the_orders_that_it_keeps(objects: tuple[Object, ...]) -> None:
    (worker,) = [item for item in named(objects, "Deployment") if item["metadata"]["name"].startswith("orders-worker")]
    limit = worker["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"]

    assert int(limit.removesuffix("Gi")) * 2**30 > (
        Settings.model_fields["max_cached_workflows"].default * _BYTES_OF_A_CACHED_ORDER
    )


def test_temporals_chart_makes_the_namespace_that_the_orders_are_in() -> None:
    values: dict[str, Any] = yaml.safe_load((KUBERNETES / "temporal" / "values.yaml").read_text())
    (settings,) = named(rendered("production"), "ConfigMap", "promotion")

    names = [namespace["name"] for namespace in values["server"]["config"]["namespaces"]["namespace"]]
    assert names == [settings["data"]["TEMPORAL_NAMESPACE"]]


def test_every_file_is_yaml() -> None:
    found = list((PROJECT / "deploy").rglob("*.y*ml"))
    assert found
    for file in found:
        assert list(yaml.safe_load_all(file.read_text())), file
