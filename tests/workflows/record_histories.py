"""Records the histories of the paths that have none yet: `python -m tests.workflows.record_histories`.

An existing history is never recorded again: it represents running orders of a release, and a change that does not
replay with it would stop them.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from temporalio.client import Client, WorkflowHistory

from runtime.temporal_client import end_process
from tests.servers import dev_server
from tests.workflows.delivering import DELIVERIES
from tests.workflows.dispatching import DISPATCHES
from tests.workflows.erasing import an_erasure
from tests.workflows.histories import file_of, written
from tests.workflows.passes import PASSES
from tests.workflows.paths import PATHS, Path
from tests.workflows.relaying import RELAYS
from tests.workflows.stage import Stage


async def walk(path: Path, client: Client) -> WorkflowHistory:
    """Run an order along a path. Returns its history."""
    async with Stage(client) as stage:
        order = await path(stage)
        await order.result()
        return await order.handle.fetch_history()


WAYS: Mapping[str, Callable[[Client], Awaitable[WorkflowHistory]]] = {
    **{name: partial(walk, path) for name, path in PATHS.items()},
    **PASSES,
    **DISPATCHES,
    **DELIVERIES,
    **RELAYS,
    an_erasure.__name__: an_erasure,
}
"""All recorded paths."""


async def record(address: str) -> list[str]:
    """Record the missing histories. Returns their names."""
    missing = [name for name in WAYS if not file_of(name).exists()]
    client = await Client.connect(address)
    for name in missing:
        history = written(await WAYS[name](client))
        file_of(name).parent.mkdir(exist_ok=True)
        with file_of(name).open("x") as file:
            file.write(history)
    return missing


if __name__ == "__main__":
    with dev_server() as address:
        sys.stdout.writelines(f"recorded {name}\n" for name in asyncio.run(record(address)))
    end_process()
