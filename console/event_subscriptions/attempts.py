"""The requests to a consumer: what was sent when, and how it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from console.event_subscriptions.addresses import of_api, page_of
from console.event_subscriptions.standing import FAILURE, OUTCOME, OUTCOME_TONE
from console.forms import Form
from console.managers.center import Listed, listed
from console.page_request import PageRequest
from console.texts import N_

_LONGEST = 200
_TOO_LONG = N_("At most %(most)s characters are possible.")


@dataclass(frozen=True)
class Attempt:
    """A request to the consumer. The texts are marked for translation."""

    facts: Mapping[str, Any]
    """As the API has it."""
    outcome: str
    tone: str
    failure: str | None
    """Why there was no answer."""

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Attempt":
        """Return an attempt of the API. What only a newer release knows is shown as it is."""
        outcome, failure = facts["outcome"], facts["failure"]
        return cls(
            facts,
            OUTCOME.get(outcome, outcome),
            OUTCOME_TONE.get(outcome, "alert"),
            FAILURE.get(failure, failure) if failure else None,
        )


@dataclass(frozen=True)
class AttemptsPage:
    """A page of the list."""

    name: str
    """What the subscription is called."""
    path: str
    form: Form
    outcomes: Mapping[str, str]
    attempts: Sequence[Attempt]
    listing: Listed | None
    """None: the form asks for something that cannot be looked for."""


async def show_attempts(visit: PageRequest) -> Response:
    """Show the requests of the last days, the newest first."""
    values = {name: visit.query.get(name, "").strip() for name in ("outcome", "eventId")}
    form, listing = Form(values), None
    subscription = await visit.api.get(of_api(visit))
    if len(values["eventId"]) > _LONGEST:
        form = Form(values, {"eventId": visit.texts(_TOO_LONG, most=visit.texts.number(_LONGEST))})
    else:
        wanted = {"outcome": values["outcome"] if values["outcome"] in OUTCOME else None}
        event = {"eventId": values["eventId"] or None}
        listing = await listed(visit, page_of(visit, "attempts"), of_api(visit, "attempts"), wanted | event)
    attempts = [Attempt.of(one) for one in listing.items] if listing else []
    page = AttemptsPage(subscription["name"], page_of(visit), form, OUTCOME, attempts, listing)
    return await visit.page("event_subscriptions/attempts.html", page, 422 if form.errors else 200)
