"""Measure the service and print the results: `python -m bench [--only NAME]… [--quick] [--against COMMIT]`.

With `--record`, the tables are also written into docs/benchmarks.md.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Protocol

import uvloop
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest

from bench import (
    addresses,
    against,
    booking,
    completing,
    console,
    cost,
    events,
    flood,
    machine,
    open_orders,
    placing,
    projecting,
    reading,
    scaling,
    security,
    slots,
    statistics,
)
from bench.report import Aim, Measurement
from harness import documents, stack
from harness.release_before import NotTried, prepared


class Part(Protocol):
    """Part of the bench."""

    async def __call__(self, *, quick: bool) -> Measurement:
        """Run the measurement."""


PARTS: Mapping[str, Part] = {
    "placing": placing.measure,
    "completing": completing.measure,
    "cost": cost.measure,
    "events": events.measure,
    "projecting": projecting.measure,
    "reading": reading.measure,
    "statistics": statistics.measure,
    "console": console.measure,
    "slots": slots.measure,
    "booking": booking.measure,
    "addresses": addresses.measure,
    "security": security.measure,
    "flood": flood.measure,
    "scaling": scaling.measure,
    "open": open_orders.measure,
}
DEFAULT = [name for name in PARTS if name != "open"]
"""Parts that are run unless some are named. The others take hours."""
_RESULTS = Path(__file__).parent / "results"


async def server_version() -> str:
    """Return the version of the embedded Temporal server."""
    async with stack.running("temporal") as running:
        answer = await running.client.workflow_service.get_system_info(GetSystemInfoRequest())
        return answer.server_version


async def bench(parts: Mapping[str, Part], results: Path, *, quick: bool, record: bool = False) -> int:
    """Run the parts one after the other, and print and write each result immediately.

    Args:
        parts: Parts to run, by name.
        results: File for the results in JSON.
        quick: Take seconds instead of minutes.
        record: Write the tables into docs/benchmarks.md, too; and the machine, if all parts are measured on it.
    """
    ran_on = machine.describe(await server_version())
    described = " · ".join(f"{key} {value}" for key, value in ran_on.items())
    print(described, end="\n\n", flush=True)
    if record and set(parts) >= set(DEFAULT):
        documents.record(documents.BENCHMARKS, "machine", described)
    document: dict[str, object] = {"machine": ran_on, "quick": quick}
    aims: list[Aim] = []
    for name, measure in parts.items():
        began = machine.Clock()
        found = await measure(quick=quick)
        took, others = perf_counter() - began.at, began.others()
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        shown = f"{found.markdown()}\n_{name}: {took:.0f} s on {day}; others used {others:.0%} of the CPU_\n"
        print(shown, flush=True)
        if record:
            documents.record(documents.BENCHMARKS, name, shown)
        document[name] = found.document() | {"seconds": round(took), "cpuOfOthers": round(others, 2)}
        aims += found.aims
        _write(results, document)
    print(f"{len(aims)} aims, {sum(not aim.met for aim in aims)} missed. Written to {results}")
    return 0


def _write(results: Path, document: Mapping[str, object]) -> None:
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> int:
    """Run the requested parts. Returns 0 even if an aim is missed, because that is a result and not a failure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        choices=sorted({*PARTS, *against.PARTS}),
        help="run this part only; may be repeated (default: all but `open`)",
    )
    parser.add_argument("--full", action="store_true", help="with --only open: also 100,000 open orders, for hours")
    parser.add_argument(
        "--quick", action="store_true", help="a short run, in seconds instead of minutes, to see that it works"
    )
    parser.add_argument("--record", action="store_true", help="also write the tables into docs/benchmarks.md")
    parser.add_argument(
        "--against", metavar="COMMIT", help=f"compare with this commit, in these parts: {', '.join(against.PARTS)}"
    )
    arguments = parser.parse_args()
    if arguments.record and (arguments.quick or arguments.against):
        parser.error("only a whole run of this release alone is recorded")
    if arguments.full and (arguments.quick or arguments.only != ["open"]):
        parser.error("--full belongs to a whole run of --only open")
    # On SIGTERM, it ends what it has started and removes its data, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if arguments.against is None:
        if unknown := [name for name in arguments.only or () if name not in PARTS]:
            parser.error(f"only against another commit there is {', '.join(unknown)}")
        chosen: dict[str, Part] = {name: PARTS[name] for name in arguments.only or DEFAULT}
        if arguments.full:
            chosen["open"] = partial(open_orders.measure, full=True)
        return uvloop.run(bench(chosen, _RESULTS / "latest.json", quick=arguments.quick, record=arguments.record))
    names = arguments.only or against.DEFAULT
    if unknown := [name for name in names if name not in against.PARTS]:
        parser.error(f"against another commit there is no {', '.join(unknown)}")
    try:
        other = prepared(arguments.against)
    except NotTried as reason:
        sys.stderr.write(f"not tried: {reason}\n")
        return os.EX_UNAVAILABLE
    compared = {name: partial(against.PARTS[name], other) for name in names}
    return uvloop.run(bench(compared, _RESULTS / "against.json", quick=arguments.quick))


if __name__ == "__main__":
    sys.exit(main())
