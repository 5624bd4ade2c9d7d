"""Run one drill: `python -m drills NAME [--quick] [--plant FAULT]`. The exit status is 0 if it passed.

With `--record`, the report is also written into docs/drills.md.
"""

import argparse
import os
import signal
import sys
from collections.abc import Mapping
from types import ModuleType

import uvloop

from drills import (
    attack,
    autoscale,
    backup_restore,
    console,
    consumer_down,
    consumer_lies,
    consumers_share,
    event_store_down,
    hung_store,
    installation_down,
    management_center_down,
    redeploy,
    redeploy_console,
    scale_out,
    self_heal,
    soak,
    temporal_restart,
    upgrade,
    view_lost,
    waiting_orders,
)
from drills.drill import Drill, Options
from harness import documents
from harness.release_before import NotTried

DRILLS: Mapping[str, ModuleType] = {
    "attack": attack,
    "autoscale": autoscale,
    "backup-restore": backup_restore,
    "console": console,
    "consumer-down": consumer_down,
    "consumer-lies": consumer_lies,
    "consumers-share": consumers_share,
    "event-store-down": event_store_down,
    "hung-store": hung_store,
    "installation-down": installation_down,
    "management-center-down": management_center_down,
    "redeploy": redeploy,
    "redeploy-console": redeploy_console,
    "scale-out": scale_out,
    "self-heal": self_heal,
    "soak": soak,
    "temporal-restart": temporal_restart,
    "upgrade": upgrade,
    "view-lost": view_lost,
    "waiting-orders": waiting_orders,
}
"""Drills by name. Each module has `run(options)` and `FAULTS`: the faults that can be planted, with descriptions."""


async def run(name: str, options: Options, *, record: bool = False) -> int:
    """Run a drill and print its report; with `record`, write it into docs/drills.md, too."""
    try:
        drill: Drill = await DRILLS[name].run(options)
    except NotTried as reason:
        print(f"**시도하지 않음 · not tried**: {reason}")
        return os.EX_UNAVAILABLE
    if options.plant:
        drill.title += f" — planted: {DRILLS[name].FAULTS[options.plant]}"
    print(drill.report())
    if record:
        documents.record(documents.DRILLS, name, drill.report())
    return 0 if drill.passed else 1


def main() -> int:
    """Run the drill that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=DRILLS, help="the drill to run")
    parser.add_argument(
        "--quick", action="store_true", help="a short run, in seconds instead of minutes, to see that it works"
    )
    parser.add_argument(
        "--plant", metavar="FAULT", help="put this fault into the service, to see that the drill finds it"
    )
    parser.add_argument("--minutes", type=float, help="duration, for drills whose duration can be chosen")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random choices (default: 1)")
    parser.add_argument("--record", action="store_true", help="also write the report into docs/drills.md")
    arguments = parser.parse_args()
    if arguments.record and (arguments.quick or arguments.plant):
        parser.error("only a whole run without a fault is recorded")
    faults = DRILLS[arguments.name].FAULTS
    if arguments.plant and arguments.plant not in faults:
        parser.error(f"{arguments.name} has these faults: {', '.join(faults) or 'none'}")
    options = Options(arguments.quick, arguments.plant, arguments.minutes, arguments.seed)
    # On SIGTERM, it ends what it has started and removes its data, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return uvloop.run(run(arguments.name, options, record=arguments.record))


if __name__ == "__main__":
    sys.exit(main())
