"""The secret of an event subscription: shown once, in the answer to the form that makes it, and replaced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from starlette.responses import Response

from console.event_subscriptions.addresses import of_api, page_of
from console.event_subscriptions.refusals import form_again
from console.forms import Form, missing
from console.managers.center import Refusal
from console.page_request import PageRequest
from console.service import ApiAway, Problem
from console.texts import N_

PERIODS: Mapping[int, str] = {
    int(timedelta(days=1).total_seconds()): N_("For a day: the consumer has time to learn the new one"),
    int(timedelta(hours=1).total_seconds()): N_("For an hour"),
    int(timedelta(days=7).total_seconds()): N_("For a week"),
    0: N_("Not at all: somebody else knows it"),
}
"""Seconds for which the secret before still counts."""
_USUAL = next(iter(PERIODS))
_SENTENCES = {
    "already-exists": N_(
        "Two secrets count already. Wait until the older one has ended, or choose that no earlier one counts."
    )
}
_MAYBE = N_("The service did not answer. A new secret may have been made that nobody has seen.")


@dataclass(frozen=True)
class ReplacePage:
    """The question how to replace the secret."""

    name: str
    """What the subscription is called. Empty: it is not known now."""
    path: str
    form: Form
    periods: Mapping[str, str]
    secrets: Sequence[Mapping[str, Any]]
    """When each secret counts, as the API has it."""


@dataclass(frozen=True)
class SecretPage:
    """A new secret."""

    path: str
    """Path of the subscription."""
    secret: str
    previous_until: str | None
    """Time until which the secret before counts."""
    added: bool
    """Whether the subscription is new."""


async def ask_secret(visit: PageRequest) -> Response:
    """Ask how long the present secret still counts."""
    return await _ask(visit, Refusal(Form({"previous": str(_USUAL)}), 200))


async def replace_secret(visit: PageRequest) -> Response:
    """Make a new secret, and show it. The answer is a page, so that the secret gets into no address and no cookie."""
    values, texts = await visit.form(), visit.texts
    previous = next((seconds for seconds in PERIODS if str(seconds) == values.get("previous")), None)
    if previous is None:
        return await _ask(visit, Refusal(missing({}, (), texts, choices=("previous",)) or Form(values)))
    try:
        made = await visit.api.send("POST", of_api(visit, "secrets"), {"expirePreviousAfter": previous})
    except ApiAway:
        return await _ask(visit, Refusal(Form(values, summary=texts(_MAYBE)), 503))
    except Problem as problem:
        special = {**_SENTENCES, "no-answer-in-time": _MAYBE}
        return await _ask(visit, form_again(problem, values, texts, {}, special))
    until = made.body["previousExpiresAt"] if previous else None
    return await show_secret(visit, page_of(visit), made.body["secret"], previous_until=until, added=False)


async def show_secret(
    visit: PageRequest, path: str, secret: str, *, previous_until: str | None, added: bool
) -> Response:
    """Return the page that shows a secret.

    Args:
        visit: The request.
        path: Path of the subscription.
        secret: The secret.
        previous_until: Time until which the secret before counts. None: there is none that counts.
        added: Whether the subscription is new.
    """
    page = SecretPage(path, secret, previous_until, added)
    return await visit.page("event_subscriptions/secret.html", page, 201 if added else 200)


async def _ask(visit: PageRequest, refused: Refusal) -> Response:
    try:
        facts = await visit.api.get(of_api(visit))
    except (ApiAway, Problem):
        if refused.status == 200:
            raise
        facts = {"name": "", "secrets": ()}
    periods = {str(seconds): text for seconds, text in PERIODS.items()}
    page = ReplacePage(facts["name"], page_of(visit), refused.form, periods, facts["secrets"])
    return await visit.page("event_subscriptions/replace_secret.html", page, refused.status)
