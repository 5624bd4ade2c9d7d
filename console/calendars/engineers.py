"""The engineers whom calendar entries name."""

import asyncio
from collections.abc import Mapping, Set
from http import HTTPStatus
from typing import Any

from console.lists import all_of
from console.managers.center import ENGINEERS
from console.paths import path_of
from console.service import Api, Problem


async def engineer_of(api: Api, engineer_id: str) -> Mapping[str, Any] | None:
    """Return an engineer, or None if there is none any more.

    Raises:
        Problem, ApiAway: it cannot be told now.
    """
    try:
        engineer: Mapping[str, Any] = await api.get(path_of(ENGINEERS, engineer_id))
    except Problem as problem:
        if problem.status != HTTPStatus.NOT_FOUND:
            raise
        return None
    return engineer


async def engineers_of(api: Api, wanted: Set[str]) -> Mapping[str, Mapping[str, Any]]:
    """Return these engineers by id, but for those who are not there any more.

    Raises:
        Problem, ApiAway: it cannot be told now.
    """
    known = await all_of(api, ENGINEERS)
    found = {one["engineerId"]: one for one in known.items if one["engineerId"] in wanted}
    if not known.complete:
        # There are more than are read at once. So the others are asked for one by one: a page names few.
        others = await asyncio.gather(*(engineer_of(api, one) for one in wanted - found.keys()))
        found |= {one["engineerId"]: one for one in others if one}
    return found
