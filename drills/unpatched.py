"""Worker of a release that changes the order workflow without `workflow.patched`: `python -m drills.unpatched`.

This is the fault that `upgrade` plants.
"""

from dataclasses import replace

import worker
from domain.common import contexts
from drills.unpatched_workflow import UnpatchedWorkflow
from runtime.temporal_client import run_and_end

if __name__ == "__main__":
    workflows = {**worker.WORK.workflows, contexts.ORDERS: [UnpatchedWorkflow]}
    worker.WORK = replace(worker.WORK, workflows=workflows)
    run_and_end(worker.main)
