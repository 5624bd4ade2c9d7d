"""The managers' view with few and with many open orders, compared with a route that does nothing, in turns."""

import random
from collections.abc import Sequence

from bench import read_model
from bench.report import Aim, Measurement, milliseconds
from harness import stack
from harness.http_client import Connection, connections

_OPEN_ORDERS = (1_000, 10_000)
_NOTHING, _PAGE, _ORDER = "/health/live", "/orderStatuses, a page of 50", "/orderStatuses/{orderId}"
_SUMMARY = "/orderStatuses/summary"
_FIRST_PAGE = "/orderStatuses?limit=50"
_FLAT = 1.25
"""Maximum growth of the time with ten times the orders, with tolerance for noise."""


async def measure(*, quick: bool) -> Measurement:
    """Measure the durations of each route with each number of open orders."""
    rounds = 100 if quick else 600
    found = Measurement("Reading the managers' view, one request at a time")
    medians: dict[str, list[float]] = {_NOTHING: [], _PAGE: [], _ORDER: [], _SUMMARY: []}
    async with (
        stack.running("temporal", "migration", "api") as running,
        read_model.opened(running.settings) as store,
        connections(running.api, 1) as [connection],
    ):
        ids: list[str] = []
        for count in _OPEN_ORDERS:
            ids += await read_model.fill(store, count - len(ids))
            for route, took in (await _time(connection, ids, rounds)).items():
                row = milliseconds(took)
                found.rows.append({"route": route, "open orders": count, **row})
                medians[route].append(float(row["p50 ms"]))
    for route in (_PAGE, _ORDER, _SUMMARY):
        # Compared with the route that does nothing, because what slows the machine for a while slows all routes.
        growth = _growth(medians[route]) / _growth(medians[_NOTHING])
        found.aims.append(Aim(f"{route}: growth of the median, beside that of {_NOTHING}", growth, _FLAT))
    return found


def _growth(medians: Sequence[float]) -> float:
    few, many = medians
    return many / few


async def _time(connection: Connection, ids: list[str], rounds: int) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {_NOTHING: [], _PAGE: [], _ORDER: [], _SUMMARY: []}
    page = _FIRST_PAGE
    for _ in range(rounds):
        order = f"/orderStatuses/{random.choice(ids)}"  # noqa: S311 - any order will do
        for route, path in ((_NOTHING, _NOTHING), (_PAGE, page), (_ORDER, order), (_SUMMARY, _SUMMARY)):
            seconds, answer = await connection.timed(path)
            took[route].append(seconds)
            if route == _PAGE:
                # Read page by page, and then from the beginning: the last page must be as fast as the first one.
                cursor = answer.document()["nextCursor"]
                page = f"{_FIRST_PAGE}&cursor={cursor}" if cursor else _FIRST_PAGE
    return took
