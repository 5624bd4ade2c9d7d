"""deploy/kubernetes: who talks to whom."""

from collections.abc import Callable

import pytest
from jsonschema import Draft202012Validator

from domain.common import contexts
from tests.deploy.kubernetes import KUBERNETES, Object, built, matches, named, rendered, workloads

pytestmark = pytest.mark.usefixtures("processes")
"""The tests run kubectl, which renders the objects."""

_CERT_MANAGERS = {"acme.cert-manager.io/http01-solver": "true"}
"""The labels of cert-manager's solver pods."""


def test_who_is_not_named_in_a_policy_talks_to_nobody(objects: tuple[Object, ...]) -> None:
    pods = [item["spec"]["template"]["metadata"]["labels"] for item in workloads(objects)]
    pods.append(_CERT_MANAGERS)
    (nobody,) = named(objects, "NetworkPolicy", "nobody")

    assert nobody["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for policy in named(objects, "NetworkPolicy"):
        assert any(matches(policy["spec"]["podSelector"], labels) for labels in pods)


@pytest.mark.parametrize(
    ("policy", "allows"),
    [
        ("issuer", lambda labels: labels["app.kubernetes.io/component"] in ("api", "console")),
        ("console-to-api", lambda labels: labels["app.kubernetes.io/component"] == "console"),
        ("temporal", lambda labels: labels["app.kubernetes.io/component"] not in ("console", "migration")),
        (
            "databases",
            lambda labels: (
                labels["app.kubernetes.io/component"] not in ("console", "promotion")
                and labels.get("context") != contexts.ORDERS
            ),
        ),
    ],
)
def test_each_reaches_what_it_needs_and_no_more(
    objects: tuple[Object, ...], policy: str, allows: Callable[[Object], bool]
) -> None:
    (found,) = named(objects, "NetworkPolicy", policy)
    for item in workloads(objects):
        labels = item["spec"]["template"]["metadata"]["labels"]
        assert matches(found["spec"]["podSelector"], labels) == allows(labels)


def test_a_certificate_can_be_given_out() -> None:
    policies = named(rendered("production"), "NetworkPolicy")
    assert any(
        item["spec"]["podSelector"]
        and matches(item["spec"]["podSelector"], _CERT_MANAGERS)
        and "Ingress" in item["spec"]["policyTypes"]
        for item in policies
    )


def test_the_namespaces_of_temporal_and_the_databases_let_in_whom_our_policies_let_out(
    validators: dict[str, Draft202012Validator],
) -> None:
    objects = rendered("production")
    namespaces = {"temporal": built(KUBERNETES / "temporal"), "databases": built(KUBERNETES / "databases")}
    for namespace, policies in namespaces.items():
        (nobody,) = named(policies, "NetworkPolicy", "nobody")
        assert nobody["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
        for policy in policies:
            assert not list(validators["NetworkPolicy"].iter_errors(policy))
            assert policy["metadata"]["namespace"] == namespace
        (out,) = named(objects, "NetworkPolicy", namespace)
        for workload in workloads(objects):
            labels = workload["spec"]["template"]["metadata"]["labels"]
            let_out = {port["port"] for port in out["spec"]["egress"][0]["ports"]}
            expected = let_out if matches(out["spec"]["podSelector"], labels) else set()
            assert _let_in(policies, "orders", labels) == expected


def test_who_else_comes_into_the_namespaces_of_temporal_and_the_databases() -> None:
    temporal, databases = built(KUBERNETES / "temporal"), built(KUBERNETES / "databases")
    server = {"app.kubernetes.io/component": "history"}

    assert _let_in(temporal, "keda", {}) == {7233}
    assert _let_in(temporal, "monitoring", {}) == {9090}
    assert _let_in(databases, "temporal", server) == {5432}
    assert _let_in(databases, "temporal", {"app.kubernetes.io/component": "web"}) == set()
    for stranger in ("default", "orders-development", "traefik"):
        assert _let_in(temporal, stranger, server) == _let_in(databases, stranger, server) == set()


def _let_in(policies: tuple[Object, ...], namespace: str, labels: Object) -> set[int]:
    """Return the ports of pods there at which a pod of another namespace is let in."""
    return {
        port["port"]
        for policy in policies
        for rule in policy["spec"].get("ingress", [])
        for source in rule["from"]
        if "namespaceSelector" in source
        and source["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] == namespace
        and matches(source.get("podSelector", {}), labels)
        for port in rule["ports"]
    }
