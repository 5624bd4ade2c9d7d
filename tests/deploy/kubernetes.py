"""The rendered objects of deploy/kubernetes."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from harness.waiting import PATIENCE
from tests.deploy.image import PROJECT

Object = dict[str, Any]

KUBERNETES = PROJECT / "deploy" / "kubernetes"
SECRETS = "/etc/subscription-orders/secrets"
"""Where the service reads its secrets. Other things are mounted below /run/secrets by some clusters."""
OVERLAYS = ("production", "development", "cloud")
"""The overlays, and production with Temporal Cloud, made as docs/deployment.md says."""
_PRODUCTION = "overlays/production/kustomization.yaml"
_WITH_PODS = ("Deployment", "Job")
_KUBECTL = Path(sys.executable).with_name("kubectl")


@cache
def rendered(overlay: str) -> tuple[Object, ...]:
    """Return the objects of an overlay."""
    if overlay == "cloud":
        return edited(_PRODUCTION, "../../temporal-mtls", "../../temporal-cloud")
    return built(KUBERNETES / "overlays" / overlay)


def edited(file: str, old: str, new: str) -> tuple[Object, ...]:
    """Return production's objects after somebody has changed a text in a file of deploy/kubernetes."""
    with tempfile.TemporaryDirectory() as directory:
        copy = shutil.copytree(KUBERNETES, Path(directory) / "kubernetes")
        before = (copy / file).read_text()
        assert before.count(old) == 1
        (copy / file).write_text(before.replace(old, new))
        return built(copy / "overlays" / "production")


def built(directory: Path) -> tuple[Object, ...]:
    """Return the objects that `kubectl apply -k` would apply."""
    answer = subprocess.run([_KUBECTL, "kustomize", directory], check=True, capture_output=True, timeout=PATIENCE)
    return tuple(yaml.safe_load_all(answer.stdout))


def named(objects: tuple[Object, ...], kind: str, name: str | None = None) -> list[Object]:
    """Return the objects of a kind, or the one with a name."""
    return [item for item in objects if item["kind"] == kind and (name is None or item["metadata"]["name"] == name)]


def workloads(objects: tuple[Object, ...]) -> Iterator[Object]:
    """Return the objects with pods."""
    return (item for item in objects if item["kind"] in _WITH_PODS)


def component(item: Object) -> str:
    """Return the component of an object with pods: api, worker, migration, promotion."""
    return str(item["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"])


def secrets(workload: Object) -> set[str]:
    """Return the secrets that are mounted where the service reads them."""
    pod = workload["spec"]["template"]["spec"]
    (mount,) = [found for found in pod["containers"][0]["volumeMounts"] if found["mountPath"] == SECRETS]
    (volume,) = [found for found in pod["volumes"] if found["name"] == mount["name"]]
    if "secret" in volume:
        return {volume["secret"]["secretName"]}
    return {source["secret"]["name"] for source in volume["projected"]["sources"]}


def matches(selector: Object, labels: Object) -> bool:
    """Return whether a label selector matches these labels. An empty selector matches everything."""
    wanted = selector.get("matchLabels", {})
    conditions = selector.get("matchExpressions", [])
    assert {condition["operator"] for condition in conditions} <= {"In", "NotIn"}
    return wanted.items() <= labels.items() and all(
        (labels.get(condition["key"]) in condition["values"]) == (condition["operator"] == "In")
        for condition in conditions
    )


def environment(objects: tuple[Object, ...], workload: Object) -> dict[str, str]:
    """Return the environment of a workload's pods, without secrets."""
    template = workload["spec"]["template"]
    container = template["spec"]["containers"][0]
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        if "configMapRef" in source:
            (settings,) = named(objects, "ConfigMap", source["configMapRef"]["name"])
            found |= settings["data"]
    for variable in container.get("env", []):
        if "valueFrom" in variable:
            label = variable["valueFrom"]["fieldRef"]["fieldPath"].split("'")[1]
            found[variable["name"]] = template["metadata"]["labels"][label]
        else:
            found[variable["name"]] = variable["value"]
    return found
