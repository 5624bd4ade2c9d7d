"""The page of one event subscription: how it stands, what to do next, and what was sent."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from console import labels
from console.event_subscriptions.addresses import of_api, page_of
from console.event_subscriptions.attempts import Attempt
from console.event_subscriptions.held import HeldOrders, longest_held
from console.event_subscriptions.standing import OUTCOME, Standing, events_are_gone, standing_of
from console.event_subscriptions.terms import terms_of
from console.page_request import PageRequest

_NEWEST = 5
"""Attempts on the page. All of them have a page of their own."""


@dataclass(frozen=True)
class SubscriptionPage:
    """One subscription."""

    facts: Mapping[str, Any]
    """As the API has it."""
    path: str
    standing: Standing
    owner: str
    """Who has made it, as a text."""
    terms: Sequence[tuple[str, str]]
    """What is sent where."""
    failing: str | None
    """How the last request has ended, marked for translation, if the consumer fails."""
    attempts: Sequence[Attempt]
    held: HeldOrders | None
    """None: they cannot be told now."""
    as_of: datetime

    @property
    def paused(self) -> bool:
        """Whether nothing is sent until a person resumes it."""
        return self.facts["pause"] is not None

    @property
    def goes_back(self) -> bool:
        """Whether events can be sent again."""
        return not events_are_gone(self.facts)


async def show_subscription(visit: PageRequest) -> Response:
    """Show a subscription with its newest attempts."""
    at = datetime.now(UTC)
    facts, attempts, held = await asyncio.gather(
        visit.api.get(of_api(visit)),
        visit.api.get(of_api(visit, "attempts"), {"limit": _NEWEST}),
        longest_held(visit),
    )
    failing = facts["failing"]
    page = SubscriptionPage(
        facts,
        page_of(visit),
        standing_of(facts),
        labels.actor(facts["owner"], visit.texts),
        terms_of(facts, visit.texts),
        OUTCOME.get(failing["outcome"], failing["outcome"]) if failing else None,
        [Attempt.of(one) for one in attempts["items"]],
        held,
        at,
    )
    return await visit.page("event_subscriptions/one.html", page)
