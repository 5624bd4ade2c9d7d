"""Rebuild the managers' view from Temporal while the system runs: `python -m ops.rebuild_view`.

Every order whose workflow is open or retained is updated from its workflow. Orders that Temporal no longer keeps stay
in the view as they are; with `--drop` the view's tables are recreated, and those orders are lost. The statistics stay.

A rebuild prints its position. If it is interrupted, another one goes on from there with `--after POSITION`.
"""

import argparse
import sys
from time import monotonic

import uvloop
from temporalio.client import Client
from temporalio.service import RPCError

from activities.order_status.view_rebuild import Position, Rebuilt, ViewRebuild
from domain.common import contexts
from domain.common.errors import StoreUnavailable
from domain.order_status.reconciliation import Repair
from observability.logging_setup import configure_logging
from runtime.order_workflows import OrderWorkflows
from runtime.settings import Settings
from runtime.temporal_client import connect, run_and_end
from stores.common.database import Database
from stores.migration import drop, migrate
from stores.order_status.counts import CountStore
from stores.order_status.view import OrderStatusStore

_DEADLINE_SECONDS = 60.0
_REPORT_EVERY = 1.0
"""Seconds between two lines about the progress."""


class Progress:
    """Prints the progress periodically."""

    def __init__(self, rebuilt: Rebuilt, about: int) -> None:
        self._rebuilt = rebuilt
        self._about = about
        self._began = self._reported_at = monotonic()

    def __call__(self) -> None:
        """Report after a page, if the last report is old enough."""
        if monotonic() - self._reported_at >= _REPORT_EVERY:
            self._reported_at = monotonic()
            print(f"{self} of about {self._about:,}. To go on from here: {going_on(self._rebuilt)}", flush=True)

    def __str__(self) -> str:
        """Return how many orders were compared, and how fast."""
        rate = self._rebuilt.compared / max(monotonic() - self._began, 0.001)
        return f"{self._rebuilt.compared:,} orders compared, {rate:,.0f} a second"


async def rebuild(settings: Settings, *, anew: bool, at_once: int, after: Position | None = None) -> int:
    """Rebuild the view. Returns the exit status: 0 if the view shows every order that Temporal knows.

    Args:
        settings: The settings of the service.
        anew: Whether to recreate the tables first.
        at_once: How many orders to read at once.
        after: Where an interrupted rebuild stood. Orders before it are not compared again.
    """
    rebuilt = ViewRebuild.begin() if after is None else Rebuilt(after)
    try:
        client = await connect(settings)
        await _prepare(settings.database_url(contexts.ORDER_STATUS), anew=anew)
        told = await _rebuild(client, settings, rebuilt, at_once)
    except (StoreUnavailable, RPCError, RuntimeError) as error:
        print(f"{error}\nNothing is lost. Run the command again; to go on from here, with {going_on(rebuilt)}")
        return 1
    repaired = ", ".join(f"{count:,} {repair}" for repair, count in sorted(rebuilt.repaired.items()))
    print(f"{told}: {repaired or 'nothing to repair'}")
    if rebuilt.ended:
        print(f"{rebuilt.ended:,} workflows were ended from outside; the next reconciliation ends their orders.")
    if rebuilt.repaired[Repair.UNANSWERED]:
        print("No worker answered for some orders: they are shown as they were placed. Run it again with workers.")
        return 1
    return 0


def position(text: str) -> Position:
    """Return the position that an interrupted rebuild has printed.

    Raises:
        ValueError: it is not one.
    """
    return Position.parse(text)


def going_on(rebuilt: Rebuilt) -> str:
    """Return the arguments with which another rebuild goes on from here."""
    return f"--after {rebuilt.position}"


async def _prepare(url: str, *, anew: bool) -> None:
    """Create the tables if they are missing, or anew."""
    if anew:
        print("Recreating the view's tables. The view loses the orders that Temporal no longer keeps.")
        await drop(contexts.ORDER_STATUS, url)
    await migrate(contexts.ORDER_STATUS, url)


async def _rebuild(client: Client, settings: Settings, rebuilt: Rebuilt, at_once: int) -> Progress:
    database = Database(
        settings.database_url(contexts.ORDER_STATUS), name=contexts.ORDER_STATUS, deadline_seconds=_DEADLINE_SECONDS
    )
    try:
        view, workflows = OrderStatusStore(database, settings.booking_rules.grid), OrderWorkflows(client)
        try:
            await view.summary()
        except StoreUnavailable as error:
            raise StoreUnavailable(f"{error}. If its tables are broken, --drop creates them anew.") from error
        progress = Progress(rebuilt, await workflows.count())
        await ViewRebuild(workflows, view, at_once=at_once).run(rebuilt, progress)
        if wrong := await CountStore(database).recount():
            rebuilt.repaired[Repair.MISCOUNTED] += wrong
        return progress
    finally:
        await database.dispose()


def main() -> None:
    """Rebuild the view as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument("--drop", action="store_true", help="recreate the view's tables, if they are lost or broken")
    begin.add_argument(
        "--after",
        type=position,
        metavar="POSITION",
        help="go on where an interrupted rebuild stood, as it printed",
    )
    parser.add_argument(
        "--at-once",
        type=int,
        default=16,
        choices=range(1, 257),
        metavar="N",
        help="how many orders to read at once, 1 to 256 (default: 16)",
    )
    arguments = parser.parse_args()
    settings = Settings()
    configure_logging(settings)
    work = rebuild(settings, anew=arguments.drop, at_once=arguments.at_once, after=arguments.after)
    sys.exit(uvloop.run(work))


if __name__ == "__main__":
    run_and_end(main)
