"""Ends workflows from outside, as people do in Temporal's Web UI."""

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError, RPCStatusCode

from runtime.temporal_client import connect
from tests.api.service import Service


async def terminated(service: Service, id_: str) -> bool:
    """Terminate a workflow. Returns whether there is one."""
    client = await connect(service.settings)
    try:
        await client.get_workflow_handle(id_).terminate()
    except RPCError as error:
        return _is_there(error)
    return True


async def deleted(service: Service, id_: str) -> bool:
    """Delete a workflow. Returns whether there is one."""
    client = await connect(service.settings)
    request = DeleteWorkflowExecutionRequest(
        namespace=client.namespace, workflow_execution=WorkflowExecution(workflow_id=id_)
    )
    try:
        await client.workflow_service.delete_workflow_execution(request)
    except RPCError as error:
        return _is_there(error)
    return True


def _is_there(error: RPCError) -> bool:
    if error.status is not RPCStatusCode.NOT_FOUND:
        raise error
    return False
