"""A worker of a release that changes what orders do and forgets `workflow.patched`: `python -m drills.unpatched`.

It is the fault that `upgrade` plants.
"""

import worker
from drills.unpatched_workflow import UnpatchedWorkflow
from runtime.temporal_client import run_and_end

if __name__ == "__main__":
    setattr(worker, "SubscriptionWorkflow", UnpatchedWorkflow)  # noqa: B010 - mypy knows it as a class
    run_and_end(worker.main)
