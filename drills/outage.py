"""What the drills have in common that take a part of the service away for a while."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from domain.common import contexts
from domain.orders import workflow_id
from drills.drill import Options
from harness import databases, stack
from harness.databases import POSTGRESQL, Server
from harness.stack import Stack

_QUICKLY = {"ORDER_RETRY_AT_MOST_EVERY": "2"}


def patience(options: Options) -> float:
    """Seconds without a change, after which what has not happened will not: more than between two tries of a step."""
    return 10 if options.quick else 45


def environment(options: Options) -> Mapping[str, str]:
    """Of the service: what was put off is tried again soon enough for who waits."""
    return _QUICKLY if options.quick else {}


@dataclass
class Apart:
    """A context with a worker process and a database server of its own, which can go and come back."""

    running: Stack
    context: str
    _server: Server

    async def go(self) -> None:
        """Worker and database are gone: the one is killed, the other takes no connections."""
        await self.running.kill(self._worker)
        self._server.end()

    async def come_back(self) -> None:
        """Both are there again."""
        self._server.start()
        await self.running.start(self._worker)

    @property
    def _worker(self) -> str:
        return f"worker-{self.context}"


@asynccontextmanager
async def with_apart(context: str, options: Options) -> AsyncIterator[Apart]:
    """The service, with one worker for all contexts but this one."""
    variable = f"{context.upper().replace('-', '_')}_DATABASE_URL"
    with databases.servers() as servers:
        server = servers[POSTGRESQL]
        variables = {**environment(options), variable: server.fresh()}
        async with stack.running(
            "temporal", "migration", "api", environment=variables, engineers=options.engineers
        ) as running:
            others = [each for each in contexts.ALL if each != context]
            await asyncio.gather(
                running.add_worker("worker-others", *others), running.add_worker(f"worker-{context}", context)
            )
            yield Apart(running, context, server)


async def drop(running: Stack, order_id: str) -> None:
    """The fault that the drills plant: an order that was acknowledged is given up behind everybody's back."""
    await running.client.get_workflow_handle(workflow_id(order_id)).terminate("a planted fault")
