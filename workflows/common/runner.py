"""Workflow runner: one sandbox configuration for the workers and for the tests."""

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy


def sandbox(*, strict: bool = False) -> SandboxedWorkflowRunner:
    """Return the sandbox for workflows. It passes our own modules through: reloading them costs 10 ms for each order.

    Args:
        strict: Fail if a module is imported that belongs neither to the project nor to the standard library.
    """
    restrictions = SandboxRestrictions.default.with_passthrough_modules("domain", "workflows")
    if strict:
        policy = SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
        restrictions = restrictions.with_import_notification_policy(policy)
    return SandboxedWorkflowRunner(restrictions=restrictions)
