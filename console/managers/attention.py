"""What needs a person: the orders that cannot go on by themselves, the longest-waiting first."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.responses import Response

from console.managers.counts import SUMMARY
from console.managers.filters import Filters
from console.managers.listing import ATTENTION, PATHS, Listing, listing_of
from console.page_request import PageRequest

_PATH = PATHS[ATTENTION]


@dataclass(frozen=True)
class Reason:
    """A reason for which orders need a person."""

    reason: str | None
    """None: any."""
    orders: int
    unclaimed_since: str | None
    """Since when the oldest that nobody has taken on has waited."""
    path: str
    current: bool


@dataclass(frozen=True)
class AttentionPage:
    """The orders that need a person, with the numbers by reason."""

    reasons: Sequence[Reason]
    listing: Listing
    me: str
    """Subject of the manager who looks at it."""


async def show_attention(visit: PageRequest) -> Response:
    """Show the orders that need a person, of any reason or of one."""
    filters = attention_filters(Filters.of(visit.query))
    reasons, listing = await asyncio.gather(reasons_of(visit, filters), listing_of(visit, filters, ATTENTION))
    page = AttentionPage(reasons, listing, visit.person.subject)
    return await visit.page("managers/attention.html", page)


def attention_filters(filters: Filters) -> Filters:
    """Return filters that select orders which need a person, for one reason or (the default) any."""
    return replace(filters, attention=filters.attention or "true", sort="attentionSince")


async def reasons_of(visit: PageRequest, filters: Filters) -> list[Reason]:
    """Read the reasons, of all orders or of those in the filters' regions, the one with the longest wait first."""
    within = Filters(region=filters.region)
    summary = await visit.api.get(SUMMARY, within.query)
    needs: Mapping[str, Mapping[str, Any]] = summary["attentionByReason"]

    def waits(reason: str) -> tuple[bool, str]:
        since = needs[reason]["unacknowledgedSince"]
        return since is None, since or reason

    each = [
        Reason(
            reason,
            needs[reason]["orders"],
            needs[reason]["unacknowledgedSince"],
            within.path(_PATH, attention=reason),
            filters.attention == reason,
        )
        for reason in sorted(needs, key=waits)
    ]
    return [Reason(None, summary["attention"], None, within.path(_PATH), filters.attention == "true"), *each]
