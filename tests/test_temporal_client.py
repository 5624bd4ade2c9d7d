"""What a process sends to the Temporal server after connecting."""

from datetime import timedelta

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from runtime.temporal_client import keep_closed_workflows


async def test_the_embedded_server_keeps_closed_workflows_for_as_long_as_it_is_told(temporal_address: str) -> None:
    client = await Client.connect(temporal_address)

    async def kept() -> timedelta:
        asked = DescribeNamespaceRequest(namespace=client.namespace)
        namespace = await client.workflow_service.describe_namespace(asked)
        return namespace.config.workflow_execution_retention_ttl.ToTimedelta()

    for retention in (timedelta(hours=1), timedelta(days=3)):
        await keep_closed_workflows(client, retention)
        assert await kept() == retention
