"""The statistics of a year, with few and with many orders, compared with a route that does nothing, in turns."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from bench import read_model
from bench.orders import subscription
from bench.report import Aim, Measurement, Row, milliseconds
from domain.orders import Event, HistoryEntry, Order, OrderStatus
from harness import stack
from harness.http_client import Connection, connections
from stores.order_status.view import OrderStatusStore

_REGIONS = tuple(f"KR-{number}" for number in (11, *range(26, 32), *range(41, 51)))
_YEAR = 365
"""Days."""
_TIMES_AS_MANY = 10
_NOTHING, _WHOLE, _REGION = "/health/live", "/orderStatuses/statistics, a year", "/orderStatuses/statistics, one region"
_FLAT = 1.25
"""Maximum growth of the time with ten times the orders, with tolerance for noise."""


class _Past:
    """Days of the past, on which orders are stored."""

    def __init__(self, days: int) -> None:
        self.now = self._begin = datetime.now(UTC) - timedelta(days=days)
        self._days = days

    async def store(self, store: OrderStatusStore, each: int) -> int:
        """Store so many completed orders for each day and region. Returns how many in all."""
        for number in range(self._days):
            self.now = self._begin + timedelta(days=number)
            await store.put([self._order(region) for region in _REGIONS for _ in range(each)])
        return self._days * len(_REGIONS) * each

    def _order(self, region: str) -> Order:
        events = (Event.JOIN_ORDERED, Event.INSTALLATION_DECLINED, Event.JOIN_COMPLETED)
        history = [HistoryEntry(event, self.now) for event in events]
        return replace(
            subscription().order, region=region, status=OrderStatus.JOIN_COMPLETED, version=1, history=history
        )


async def measure(*, quick: bool) -> Measurement:
    """Measure the durations with each number of orders."""
    rounds, days = (20, 30) if quick else (200, _YEAR)
    found = Measurement("Statistics of a year, one request at a time")
    measured: dict[str, list[Row]] = {_NOTHING: [], _WHOLE: [], _REGION: []}
    past = _Past(days)
    async with (
        stack.running("temporal", "migration", "api") as running,
        read_model.opened_at(running.settings, past.now - timedelta(days=1), lambda: past.now) as store,
        connections(running.api, 1) as [connection],
    ):
        orders = 0
        for more in (1, _TIMES_AS_MANY - 1):
            orders += await past.store(store, more)
            for route, took in (await _time(connection, rounds)).items():
                row = milliseconds(took)
                found.rows.append({"route": route, "orders": orders, **row})
                measured[route].append(row)
    for route in (_WHOLE, _REGION):
        growth = _growth(measured[route]) / max(_growth(measured[_NOTHING]), 1)
        found.aims.append(Aim(f"{route}: growth of the median, beside that of {_NOTHING} if it grows", growth, _FLAT))
    return found


def _growth(rows: Sequence[Row]) -> float:
    few, many = (float(row["p50 ms"]) for row in rows)
    return many / few


async def _time(connection: Connection, rounds: int) -> dict[str, list[float]]:
    today = datetime.now(UTC).date()
    whole = f"/orderStatuses/statistics?from={_a_year_before(today)}&to={today}"
    paths = {_NOTHING: _NOTHING, _WHOLE: whole, _REGION: f"{whole}&region={_REGIONS[0]}"}
    took: dict[str, list[float]] = {route: [] for route in paths}
    for _ in range(rounds):
        for route, path in paths.items():
            seconds, answer = await connection.timed(path)
            took[route].append(seconds)
            if route != _NOTHING and not answer.document()["items"]:
                raise RuntimeError(f"GET {path}: there are no statistics")
    return took


def _a_year_before(day: date) -> date:
    return day - timedelta(days=_YEAR)
