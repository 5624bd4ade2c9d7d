"""deploy/kubernetes: what a change does to what runs."""

import pytest

from tests.deploy.kubernetes import Object, component, edited, environment, named, rendered, workloads

pytestmark = pytest.mark.usefixtures("processes")
"""The tests run kubectl, which renders the objects."""


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("base/kustomization.yaml", "MAX_STARTS_IN_FLIGHT=16", "MAX_STARTS_IN_FLIGHT=32"),
        ("base/kustomization.yaml", "CONSOLE_OIDC_CLIENT_ID=subscription-orders-console", "CONSOLE_OIDC_CLIENT_ID=c"),
        ("base/issuer.env", "AUTH_AUDIENCE=subscription-orders", "AUTH_AUDIENCE=orders"),
        ("overlays/production/kustomization.yaml", "10.244.0.0/16", "10.42.0.0/16"),
        ("base/access-log.env", "63072000", "31536000"),
        ("base/temporal.env", "temporal-frontend.temporal:7233", "temporal.example:7233"),
        ("temporal-mtls/temporal.env", "temporal/client.toml", "temporal/other.toml"),
    ],
)
def test_a_changed_setting_rolls_out_the_processes_and_changes_no_job(file: str, old: str, new: str) -> None:
    """Kubernetes refuses another template for a Job that is there, and `kubectl apply -k` ends with an error."""
    before, after = rendered("production"), edited(file, old, new)

    assert named(after, "Job") == named(before, "Job")
    assert [item["spec"]["template"] for item in named(after, "Deployment")] != [
        item["spec"]["template"] for item in named(before, "Deployment")
    ]


def test_the_migration_and_the_api_keep_the_access_log_for_as_long(objects: tuple[Object, ...]) -> None:
    """The migration lets the API's role remove what is older, and nothing else."""
    (api,) = named(objects, "Deployment", "api")
    (migration,) = [job for job in named(objects, "Job") if component(job) == "migration"]

    kept = {environment(objects, one)["ACCESS_LOG_RETENTION"] for one in (api, migration)}
    assert len(kept) == 1


def test_a_job_stays_until_its_release_is_removed(objects: tuple[Object, ...]) -> None:
    """Otherwise, the next `kubectl apply -k` would promote the release again, also after somebody has gone back."""
    for job in named(objects, "Job"):
        assert "ttlSecondsAfterFinished" not in job["spec"]


def test_a_process_that_is_only_starting_hears_that_it_should_stop(objects: tuple[Object, ...]) -> None:
    """The first process of a container ignores signals that it does not handle."""
    for workload in workloads(objects):
        assert workload["spec"]["template"]["spec"]["shareProcessNamespace"] is True
