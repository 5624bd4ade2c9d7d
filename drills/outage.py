"""Helpers for drills that stop a part of the service for a while."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass

from domain.common import contexts
from domain.orders import workflow_id
from drills.drill import Options
from harness import databases, stack
from harness.databases import POSTGRESQL, Server
from harness.stack import Stack

OTHERS = "worker-others"
"""Name of the worker of all contexts but one."""
_QUICKLY = {"ORDER_RETRY_AT_MOST_EVERY": "2"}


def patience(options: Options) -> float:
    """Return the seconds without a change after which nothing more happens: longer than a pause between attempts."""
    return 10 if options.quick else 45


def environment(options: Options) -> Mapping[str, str]:
    """Return settings of the service. In a quick drill, steps are retried after short pauses."""
    return _QUICKLY if options.quick else {}


@dataclass
class Apart:
    """A context with a separate worker process and database server, which can be stopped and restarted."""

    running: Stack
    context: str
    _server: Server

    async def go(self) -> None:
        """Kill the worker, and stop the database server."""
        await self.running.kill(self._worker)
        self._server.end()

    async def come_back(self) -> None:
        """Restart both."""
        self._server.start()
        await self.running.start(self._worker)

    def hung(self) -> AbstractContextManager[None]:
        """Let the database server hang during a block."""
        return self._server.hung()

    @property
    def _worker(self) -> str:
        return f"worker-{self.context}"


@asynccontextmanager
async def with_apart(context: str, options: Options) -> AsyncIterator[Apart]:
    """Run the service, with a separate worker and database server for one context."""
    variable = f"{context.upper().replace('-', '_')}_DATABASE_URL"
    with databases.servers() as servers:
        server = servers[POSTGRESQL]
        variables = {**environment(options), variable: server.fresh()}
        async with stack.running(
            "temporal", "migration", "api", environment=variables, engineers=options.engineers
        ) as running:
            others = [each for each in contexts.ALL if each != context]
            await asyncio.gather(running.add_worker(OTHERS, *others), running.add_worker(f"worker-{context}", context))
            yield Apart(running, context, server)


async def drop(running: Stack, order_id: str) -> None:
    """Plant a fault: terminate the workflow of an acknowledged order."""
    await running.client.get_workflow_handle(workflow_id(order_id)).terminate("a planted fault")
