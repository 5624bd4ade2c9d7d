"""One run of the service, from the checks before the start to the exit status."""

import asyncio
import os
import sys
from pathlib import Path

from supervisor import ports
from supervisor.data_dir import sole_use
from supervisor.keeper import Keeper
from supervisor.output import Terminal
from supervisor.parent import Parent
from supervisor.part import Failure, Service
from supervisor.process import Launcher

_PROJECT = Path(__file__).parent.parent


def supervise(service: Service, parent: int | None) -> int:
    """Run the service until it is stopped, or until the process `parent` ends. Returns the exit status."""
    # Files contain names and addresses: only their owner may read them.
    os.umask(0o077)
    try:
        with sole_use(service.data_dir):
            ports.check(service.listeners)
            asyncio.run(_run(service, Parent(parent) if parent else None))
    except (Failure, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:  # before anything was started
        return 0
    return 0


async def _run(service: Service, parent: Parent | None) -> None:
    environment = os.environ | {"DATA_DIR": str(service.data_dir), "PYTHONUNBUFFERED": "1"}
    launcher = Launcher(_PROJECT, environment)
    terminal = Terminal()
    try:
        await Keeper(service, launcher=launcher, terminal=terminal, parent=parent).run()
        terminal.say("stopped")
    finally:
        launcher.close()
        terminal.close()
