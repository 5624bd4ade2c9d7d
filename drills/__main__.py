"""Runs one drill: `python -m drills NAME`. The exit code is 0 where it has passed."""

import argparse
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping

import uvloop

from drills import waiting_orders
from drills.drill import Drill

DRILLS: Mapping[str, Callable[[], Awaitable[Drill]]] = {"waiting-orders": waiting_orders.run}


async def run(name: str) -> int:
    """Run a drill and print what it has seen."""
    drill = await DRILLS[name]()
    print(drill.report())
    return 0 if drill.passed else 1


def main() -> int:
    """Run the drill that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=DRILLS)
    # Told to stop, it ends what it has started and removes its data, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return uvloop.run(run(parser.parse_args().name))


if __name__ == "__main__":
    sys.exit(main())
