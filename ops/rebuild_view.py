"""Rebuild the managers' view from Temporal while the system runs: `python -m ops.rebuild_view [--drop]`.

Every order whose workflow is open or retained is updated from its workflow. Orders that Temporal no longer keeps stay
in the view as they are; with `--drop` the view's tables are recreated, and those orders are lost. The statistics stay.
"""

import argparse
import sys
from time import monotonic

import uvloop
from temporalio.client import Client
from temporalio.service import RPCError

from activities.order_status.view_rebuild import Rebuilt, ViewRebuild
from domain.common import contexts
from domain.common.errors import StoreUnavailable
from domain.order_status.reconciliation import Repair
from observability.logging_setup import configure_logging
from runtime.order_workflows import OrderWorkflows
from runtime.settings import Settings
from runtime.temporal_client import connect, run_and_end
from stores.common.database import Database
from stores.migration import drop, migrate
from stores.order_status.view import OrderStatusStore

_REPORT_EVERY = 1.0
"""Seconds between two lines about the progress."""


class Progress:
    """Prints the progress periodically."""

    def __init__(self, about: int) -> None:
        self._about = about
        self._reported_at = monotonic()

    def __call__(self, rebuilt: Rebuilt) -> None:
        """Report after a page, if the last report is old enough."""
        if monotonic() - self._reported_at >= _REPORT_EVERY:
            self._reported_at = monotonic()
            print(f"{len(rebuilt.looked_at):,} of about {self._about:,} orders", flush=True)


async def rebuild(settings: Settings, *, anew: bool, at_once: int) -> int:
    """Rebuild the view. Returns the exit status: 0 if the view shows every order that Temporal knows."""
    try:
        client = await connect(settings)
        await _prepare(settings.database_url(contexts.ORDER_STATUS), anew=anew)
        rebuilt = await _rebuild(client, settings, at_once)
    except (StoreUnavailable, RPCError, RuntimeError) as error:
        print(f"{error}\nNothing is lost: run the command again, and it repairs what is still missing.")
        return 1
    told = ", ".join(f"{count:,} {repair}" for repair, count in sorted(rebuilt.repaired.items())) or "nothing to repair"
    print(f"{len(rebuilt.looked_at):,} orders compared: {told}")
    if rebuilt.ended:
        print(f"{len(rebuilt.ended):,} workflows were ended from outside; the next reconciliation ends their orders.")
    if rebuilt.repaired[Repair.UNANSWERED]:
        print("No worker answered for some orders: they are shown as they were placed. Run it again with workers.")
        return 1
    return 0


async def _prepare(url: str, *, anew: bool) -> None:
    """Create the tables if they are missing, or anew."""
    if anew:
        print("Recreating the view's tables. The view loses the orders that Temporal no longer keeps.")
        await drop(contexts.ORDER_STATUS, url)
    await migrate(contexts.ORDER_STATUS, url)


async def _rebuild(client: Client, settings: Settings, at_once: int) -> Rebuilt:
    database = Database(settings.database_url(contexts.ORDER_STATUS), name=contexts.ORDER_STATUS)
    try:
        view, workflows = OrderStatusStore(database, settings.booking_rules.grid), OrderWorkflows(client)
        try:
            await view.summary()
        except StoreUnavailable as error:
            raise StoreUnavailable(f"{error}. If its tables are broken, --drop creates them anew.") from error
        return await ViewRebuild(workflows, view, at_once=at_once).run(Progress(await workflows.count()))
    finally:
        await database.dispose()


def main() -> None:
    """Rebuild the view as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drop", action="store_true", help="recreate the view's tables, if they are lost or broken")
    parser.add_argument(
        "--at-once",
        type=int,
        default=8,
        choices=range(1, 65),
        metavar="N",
        help="how many orders to read at once, 1 to 64 (default: 8)",
    )
    arguments = parser.parse_args()
    settings = Settings()
    configure_logging(settings)
    sys.exit(uvloop.run(rebuild(settings, anew=arguments.drop, at_once=arguments.at_once)))


if __name__ == "__main__":
    run_and_end(main)
