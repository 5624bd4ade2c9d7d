"""Temporal servers for tests: the real one, and the one that skips time."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.testing import WorkflowEnvironment

from harness.waiting import PATIENCE
from tests import processes
from tests.encryption import CONVERTER
from workflows.orders.visibility import SEARCH_ATTRIBUTES

_STARTS_WITHIN = timedelta(seconds=PATIENCE)
_LOW_LATENCY = ("--dynamic-config-value", "history.transferProcessorMaxPollRPS=1000")
_DELETING_SOON = ("--dynamic-config-value", 'history.transferProcessorUpdateAckInterval="100ms"')
"""A closed workflow can be deleted only after the server has persisted that it is closed; this makes that faster."""
_SOON_LONG = ("--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=100")
"""The server suggests to continue as new after fewer events than by default."""


@contextmanager
def dev_server(*, soon_long: bool = True) -> Iterator[str]:
    """Run the real server in memory. Yields its `host:port`. Every event loop creates its own client.

    Args:
        soon_long: Whether 100 events count as a long history, and not 4,096, the default.
    """
    processes.check("a Temporal server")
    with asyncio.Runner() as runner:
        server = runner.run(
            WorkflowEnvironment.start_local(
                search_attributes=SEARCH_ATTRIBUTES,
                dev_server_existing_path=_program("temporal"),
                dev_server_startup_timeout=_STARTS_WITHIN,
                dev_server_log_level="error",
                dev_server_extra_args=[*_LOW_LATENCY, *(_SOON_LONG if soon_long else ()), *_DELETING_SOON],
            )
        )
        try:
            yield server.client.service_client.config.target_host
        finally:
            runner.run(server.shutdown())


@asynccontextmanager
async def time_skipping_server() -> AsyncIterator[WorkflowEnvironment]:
    """Run the server that skips time while the environment's `sleep` is awaited and no activity is running."""
    processes.check("a Temporal server")
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=_program("temporal-test-server"),
        test_server_startup_timeout=_STARTS_WITHIN,
        data_converter=CONVERTER,
    ) as environment:
        client = environment.client
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace,
                search_attributes={key.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD for key in SEARCH_ATTRIBUTES},
            )
        )
        yield environment


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))
