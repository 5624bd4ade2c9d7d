"""What a manager's page about one order reads: the order, and what the other contexts say about it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from console.customers.calls import order_of
from console.page_request import PageRequest
from console.paths import path_of
from console.service import Api, ApiAway, Problem
from domain.orders import Event

_MOST_NAMES = 10
"""Engineers of the past whose names are looked up for one page."""


@dataclass(frozen=True)
class Part:
    """What a context says about an order."""

    body: Mapping[str, Any] | None = None
    """None: nothing."""
    away: bool = False
    """Whether the context does not answer now."""


@dataclass(frozen=True)
class Reading:
    """An order with everything around it."""

    order: Mapping[str, Any]
    assignment: Part = Part()
    installation: Part = Part()
    failed_visits: Part = Part()
    """Those before the installation."""
    product: Part = Part()
    engineers: Mapping[str, str] = field(default_factory=dict)
    """Names of engineers by id."""

    def name_of(self, engineer_id: str) -> str:
        """Return what an engineer is called, or else the id."""
        return self.engineers.get(engineer_id, engineer_id)


async def read_order(visit: PageRequest) -> Reading:
    """Read the order of a page with everything around it. Only the order itself has to be there.

    Raises:
        Problem: there is no such order, or it cannot be read now.
    """
    api, order_id = visit.api, visit.path_value("orderId")
    order, assignment, installation = await asyncio.gather(
        order_of(visit, order_id),
        _part(api, path_of("/managementCenters/assignments", order_id)),
        _part(api, path_of("/installations", order_id)),
    )
    known = {
        one["engineerId"]: one["engineerName"]
        for one in (order, assignment.body, installation.body)
        if one and one["engineerId"] and one["engineerName"]
    }
    product, failed, names = await asyncio.gather(
        _part(api, path_of("/managementCenters/products", order["productId"])),
        _failed_visits(api, order),
        _names(api, _engineers_in(order) - known.keys()),
    )
    return Reading(order, assignment, installation, failed, product, known | names)


async def _failed_visits(api: Api, order: Mapping[str, Any]) -> Part:
    """Return the visits that led to nothing, if the order's story tells of any."""
    if all(entry["event"] != Event.INSTALLATION_INCOMPLETE for entry in order["history"]):
        return Part()
    return await _part(api, path_of("/installations", order["orderId"], "failedVisits"))


def _engineers_in(order: Mapping[str, Any]) -> set[str]:
    actors = [entry["by"] for entry in order["history"]] + [entry["detail"] or "" for entry in order["history"]]
    return {actor.removeprefix("engineer:") for actor in actors if actor.startswith("engineer:")}


async def _names(api: Api, engineer_ids: set[str]) -> dict[str, str]:
    wanted = sorted(engineer_ids)[:_MOST_NAMES]
    found = await asyncio.gather(*(_part(api, path_of("/managementCenters/engineers", one)) for one in wanted))
    return {one: part.body["name"] for one, part in zip(wanted, found, strict=True) if part.body}


async def _part(api: Api, path: str) -> Part:
    try:
        return Part(await api.get(path))
    except Problem as problem:
        return Part(away=not problem.is_of_the_page)
    except ApiAway:
        return Part(away=True)
