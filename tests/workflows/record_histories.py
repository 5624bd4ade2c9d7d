"""Records the histories of the paths that have none yet: `python -m tests.workflows.record_histories`.

A history that is there is never recorded anew: it stands for the orders of a release that are still under way, and a
change that it does not replay with would stop them.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from temporalio.client import Client, WorkflowHistory

from runtime.temporal_client import end_process
from tests.servers import dev_server
from tests.workflows.erasing import an_erasure
from tests.workflows.histories import file_of, written
from tests.workflows.passes import PASSES
from tests.workflows.paths import PATHS, Path
from tests.workflows.stage import Stage


async def walk(path: Path, client: Client) -> WorkflowHistory:
    """Take an order along a path, and give its history."""
    async with Stage(client) as stage:
        order = await path(stage)
        await order.result()
        return await order.handle.fetch_history()


WAYS: Mapping[str, Callable[[Client], Awaitable[WorkflowHistory]]] = {
    **{name: partial(walk, path) for name, path in PATHS.items()},
    **PASSES,
    an_erasure.__name__: an_erasure,
}
"""All that is recorded."""


async def record(address: str) -> list[str]:
    """Record what is missing; returns what was."""
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
