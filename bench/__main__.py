"""Measures the service and prints what it has found: `python -m bench [--only NAME]… [--quick]`."""

import argparse
import json
import signal
import sys
from pathlib import Path
from time import perf_counter

import uvloop
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest

from bench import completing, cost, flood, machine, placing, reading, scaling, security, slots
from bench.report import Aim
from harness import stack

_PARTS = {
    "placing": placing.measure,
    "completing": completing.measure,
    "cost": cost.measure,
    "reading": reading.measure,
    "slots": slots.measure,
    "security": security.measure,
    "flood": flood.measure,
    "scaling": scaling.measure,
}
_RESULTS = Path(__file__).parent / "results" / "latest.json"


async def server_version() -> str:
    """Of the embedded Temporal server."""
    async with stack.running("temporal") as running:
        answer = await running.client.workflow_service.get_system_info(GetSystemInfoRequest())
        return answer.server_version


async def bench(names: list[str], *, quick: bool) -> int:
    """Measure one after the other; print and write each as soon as it is there."""
    ran_on = machine.describe(await server_version())
    print(" · ".join(f"{key} {value}" for key, value in ran_on.items()), end="\n\n", flush=True)
    document: dict[str, object] = {"machine": ran_on, "quick": quick}
    aims: list[Aim] = []
    for name in names:
        began = machine.Clock()
        found = await _PARTS[name](quick=quick)
        took, others = perf_counter() - began.at, began.others()
        print(found.markdown(), f"_{name}: {took:.0f} s; others used {others:.0%} of the CPU_", sep="\n", end="\n\n")
        sys.stdout.flush()
        document[name] = found.document() | {"seconds": round(took), "cpuOfOthers": round(others, 2)}
        aims += found.aims
        _RESULTS.parent.mkdir(exist_ok=True)
        _RESULTS.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(aims)} aims, {sum(not aim.met for aim in aims)} missed. Written to {_RESULTS}")
    return 0


def main() -> int:
    """Measure what was asked for; 0 also where an aim is missed, for that is a finding and no failure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=_PARTS, help="one of several; all by default")
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes, to see that it works")
    arguments = parser.parse_args()
    # Told to stop, it ends what it has started and removes its data, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return uvloop.run(bench(arguments.only or list(_PARTS), quick=arguments.quick))


if __name__ == "__main__":
    sys.exit(main())
