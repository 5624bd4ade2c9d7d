"""How a workflow is loaded and run: one sandbox for the workers and for the tests."""

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy


def sandbox(*, strict: bool = False) -> SandboxedWorkflowRunner:
    """The sandbox of the saga, with its own modules passed through: loaded anew, they cost each order 10 ms.

    Args:
        strict: Fail where a module gets in that is neither ours nor the standard library's.
    """
    restrictions = SandboxRestrictions.default.with_passthrough_modules("domain", "workflows")
    if strict:
        policy = SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
        restrictions = restrictions.with_import_notification_policy(policy)
    return SandboxedWorkflowRunner(restrictions=restrictions)
