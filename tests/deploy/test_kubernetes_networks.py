"""deploy/kubernetes: who talks to whom."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network

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
        (
            "consumers",
            lambda labels: (
                labels["app.kubernetes.io/component"] == "worker" and labels.get("context") == contexts.EVENT_DELIVERY
            ),
        ),
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


def test_consumers_of_events_are_outside_of_every_private_network(objects: tuple[Object, ...]) -> None:
    (policy,) = named(objects, "NetworkPolicy", "consumers")
    [rule] = policy["spec"]["egress"]
    blocks = [(ip_network(to["ipBlock"]["cidr"]), to["ipBlock"].get("except", [])) for to in rule["to"]]

    def reached(address: str) -> bool:
        return any(
            ip_address(address) in network and not any(ip_address(address) in ip_network(each) for each in excluded)
            for network, excluded in blocks
        )

    assert [port["port"] for port in rule["ports"]] == [443]
    assert all(map(reached, ("1.1.1.1", "93.184.216.34", "2606:4700::1")))
    for address in ("10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.31.0.1", "192.168.1.1", "240.0.0.1"):
        assert not reached(address)
    for address in ("::1", "fd00::1", "fe80::1", "64:ff9b::7f00:1"):
        assert not reached(address)


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
