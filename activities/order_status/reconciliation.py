"""Activities of the reconciliation in the read model."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.common.concurrency import for_each
from activities.common.serving import carries_out
from activities.order_status.view_repair import Outcome, ViewRepair, differs
from domain.common.errors import NotFound, StoreUnavailable
from domain.installation import OrderDetails
from domain.order_status.reconciliation import (
    END_ORDER,
    FIND_DETAILS,
    FIND_EXPIRED,
    FINISH,
    FORGET,
    LOOK,
    RECOUNT,
    EndOrder,
    Expired,
    Found,
    FoundDetails,
    LackingDetails,
    Look,
    Recount,
    Repair,
    end,
)
from domain.order_status.view import OrderFilter, Sort
from domain.orders import Order
from domain.visits import VisitGrid
from runtime.order_workflows import PAGE, Listed, OrderWorkflows
from stores.common.database import Database
from stores.order_status.counts import CountStore
from stores.order_status.reconciliation import ReconciliationStore
from stores.order_status.view import DEFAULT_GRID, OrderStatusStore

_PAGE_EVERY = 0.25
"""Seconds. Temporal's list allows ten requests a second by default, and has other users, too."""
_AT_ONCE = 8
"""Orders of a page that are repaired at once."""
_AFTER_A_FAILURE = 10.0
"""Seconds until orders are counted again."""
_ENDED_AT_MOST = 100
"""Orders to be ended that one page returns, because the size of a result is limited. The next pass ends the others."""

_log = structlog.get_logger(__name__)


class ReconciliationActivities:
    """Activities of `ReconciliationWorkflow`. They ask for one page at a time, and for few orders at once.

    So the work of the orders themselves comes first.
    """

    def __init__(
        self,
        database: Database,
        client: Client,
        registry: CollectorRegistry,
        *,
        every: float,
        grid: VisitGrid = DEFAULT_GRID,
    ) -> None:
        """
        Args:
            database: Database of the view.
            client: Client for the orders' workflows.
            registry: Registry for the metrics.
            every: Seconds from one pass to the next, published for alerts; 0: there are no passes.
            grid: Whose local days the statistics count.
        """
        self._view = OrderStatusStore(database, grid)
        self._store = ReconciliationStore(database)
        self._counts = CountStore(database)
        self._workflows = OrderWorkflows(client)
        self._repair = ViewRepair(self._workflows, self._view)
        self._repaired = Counter(
            "reconciliation_repaired",
            "Orders that the reconciliation repaired in the read model, or could not compare",
            ("kind",),
            registry=registry,
        )
        for kind in Repair:
            self._repaired.labels(kind.value)
        self._succeeded = Gauge(
            "reconciliation_last_success_timestamp_seconds",
            "Time of the last reconciliation pass that finished in this process, or of the process start",
            registry=registry,
        )
        self._succeeded.set_to_current_time()
        Gauge(
            "reconciliation_every_seconds",
            "Seconds between two reconciliation passes; 0 if none are scheduled",
            registry=registry,
        ).set(every)

    @carries_out(LOOK)
    async def look(self, request: Look) -> Found:
        """Compare a page of orders with their workflows, and repair differences."""
        began = monotonic()
        order_ids, following = await self._different(request) if request.only is None else ([request.only], None)
        found = Found(following)

        async def repair(order_id: str) -> None:
            activity.heartbeat()
            outcome = await self._repair.repair(order_id, end_lost=request.end_lost or order_id == request.only)
            if request.only is not None and outcome.repair is Repair.UNANSWERED:
                # The order's cancel has been acknowledged, so this is retried, perhaps by a worker of a newer release.
                raise ApplicationError("the order's state cannot be found out now")
            self._note(outcome, found)

        await for_each(order_ids, repair, at_once=_AT_ONCE)
        if found.next is not None:
            await asyncio.sleep(began + _PAGE_EVERY - monotonic())
        return found

    @carries_out(END_ORDER)
    async def end_order(self, request: EndOrder) -> None:
        """End an order in the view that has no workflow any more."""
        order = request.order
        try:
            shown = (await self._view.get(order.order_id)).order
        except NotFound:
            shown = order
        if shown.status.final:
            # An earlier attempt has ended it. The customer's data may have been erased since.
            return
        if not (shown.status.known and order.status.known):
            raise ApplicationError("only a newer release knows whether the order has ended")
        end(order, request.installation, request.cancel, at=datetime.now(UTC))
        await self._view.put([replace(order, version=max(order.version, shown.version + 1))])
        self._repaired.labels(Repair.ENDED.value).inc()

    @carries_out(FIND_EXPIRED)
    async def find_expired(self, keep_for: float) -> Expired:
        """Find a batch of orders past their retention time."""
        before = _ago(keep_for)
        return Expired(await self._store.expired(before), before)

    @carries_out(FORGET)
    async def forget(self, expired: Expired) -> None:
        """Delete these orders, except their changes in the event stream."""
        forgotten = await self._store.forget(expired.order_ids, expired.before)
        self._repaired.labels(Repair.EXPIRED.value).inc(forgotten)

    @carries_out(FINISH)
    async def finish(self, keep_for: float) -> int:
        """Delete a batch of expired changes of the event stream. When none is left, the pass has succeeded."""
        forgotten = await self._store.forget_changes(_ago(keep_for)) if keep_for else 0
        if not forgotten:
            self._succeeded.set_to_current_time()
        return forgotten

    @carries_out(RECOUNT)
    async def recount(self, _: Recount) -> int:
        """Compare the counts with the view's orders, and correct them."""
        wrong = await self._counts.recount()
        self._repaired.labels(Repair.MISCOUNTED.value).inc(wrong)
        return wrong

    async def count_at_start(self, stop: asyncio.Event) -> None:
        """Count what a release stored that does not count, as soon as the database answers. Later, a pass does so."""
        while not stop.is_set():
            try:
                await self.recount(Recount())
            except StoreUnavailable as error:
                _log.warning("orders cannot be counted now", error=str(error))
                with suppress(TimeoutError):
                    async with asyncio.timeout(_AFTER_A_FAILURE):
                        await stop.wait()
            else:
                return

    @carries_out(FIND_DETAILS)
    async def find_details(self, lacking: LackingDetails) -> FoundDetails:
        """Find the missing details of orders that are open and have not changed recently."""
        views = (await self._store.known(lacking.order_ids)).values()
        orders = [view.order for view in views if view.updated_at < lacking.until]
        return FoundDetails(
            [OrderDetails.of(order) for order in orders if order.region is not None and not order.status.final]
        )

    def _note(self, outcome: Outcome, found: Found) -> None:
        repair = outcome.repair
        if outcome.ended is not None and len(found.ended) < _ENDED_AT_MOST:
            found.ended.append(outcome.ended)
        elif outcome.ended is not None:
            repair = Repair.UNANSWERED
        if repair is not None:
            found.repaired[repair] = found.repaired.get(repair, 0) + 1
            self._repaired.labels(repair.value).inc()

    async def _different(self, request: Look) -> tuple[list[str], str | None]:
        """Return the orders of a page for which view and list seem to differ, and the cursor of the next page."""
        listed, rows = await (self._started(request) if request.status is None else self._rows(request))
        known = rows.keys() | listed.workflows.keys()
        return [id_ for id_ in known if differs(rows.get(id_), listed.workflows.get(id_))], listed.next

    async def _started(self, request: Look) -> tuple[Listed, dict[str, Order]]:
        """Return recently started workflows, and their orders in the view."""
        listed = await self._workflows.started(request.since, request.until, request.after)
        known = await self._store.known(list(listed.workflows))
        return listed, {order_id: view.order for order_id, view in known.items()}

    async def _rows(self, request: Look) -> tuple[Listed, dict[str, Order]]:
        """Return the view's orders in a status that have not changed recently, and their listed workflows."""
        in_status = OrderFilter(statuses=(str(request.status),))
        page = await self._view.list(in_status, Sort.UPDATED_AT, False, PAGE, request.after)
        rows = {view.order.order_id: view.order for view in page.items if view.updated_at < request.until}
        listed = await self._workflows.of(rows)
        listed.next = page.next_cursor if len(rows) == len(page.items) else None
        return listed, rows


def _ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)
