"""Pages that ask before an event subscription is deleted, or an event is given up."""

import asyncio
from dataclasses import dataclass

from starlette.responses import Response

from console.event_subscriptions.addresses import HELD, PATH, held_act, of_api, page_of
from console.event_subscriptions.held import HeldOrder, held_order
from console.event_subscriptions.refusals import form_again
from console.event_subscriptions.terms import terms_of
from console.forms import Form
from console.managers.center import Refusal
from console.page_request import PageRequest
from console.service import ApiAway, Problem
from console.sessions import Flash


@dataclass(frozen=True)
class DeletePage:
    """The question whether to delete a subscription."""

    path: str
    terms: list[tuple[str, str]]
    """What is sent where. Empty: it cannot be told now."""
    form: Form


@dataclass(frozen=True)
class SkipPage:
    """The question whether to give up the event that holds an order."""

    name: str
    path: str
    action: str
    order_id: str
    held: HeldOrder | None
    """None: the order is not held any more."""


async def ask_delete(visit: PageRequest) -> Response:
    """Say what is deleted, and ask."""
    return await _ask_delete(visit, Refusal(status=200))


async def delete(visit: PageRequest) -> Response:
    """Delete the subscription. What is not there any more is deleted, too."""
    try:
        await visit.api.send("DELETE", of_api(visit))
    except (ApiAway, Problem) as error:
        if isinstance(error, Problem) and error.slug == "not-found":
            return visit.redirect(PATH, Flash(visit.texts("The event subscription had been deleted already."), "note"))
        return await _ask_delete(visit, form_again(error, {}, visit.texts, {}))
    return visit.redirect(PATH, Flash(visit.texts("The event subscription is deleted.")))


async def ask_skip(visit: PageRequest) -> Response:
    """Say what is given up, and ask."""
    facts, held = await asyncio.gather(visit.api.get(of_api(visit)), held_order(visit))
    action = page_of(visit, held_act(visit, "skip"))
    page = SkipPage(facts["name"], page_of(visit), action, visit.path_value(HELD), held)
    return await visit.page("event_subscriptions/skip.html", page)


async def _ask_delete(visit: PageRequest, refused: Refusal) -> Response:
    try:
        terms = [*terms_of(await visit.api.get(of_api(visit)), visit.texts)]
    except (ApiAway, Problem):
        if refused.status == 200:
            raise
        terms = []
    page = DeletePage(page_of(visit), terms, refused.form)
    return await visit.page("event_subscriptions/delete.html", page, refused.status)
