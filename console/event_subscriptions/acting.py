"""What a manager does with an event subscription by one button: each answer leads back to its page."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from console.event_subscriptions.addresses import held_act, of_api, page_of
from console.event_subscriptions.refusals import Sentences, said
from console.event_subscriptions.standing import FAILURE, OUTCOME, after
from console.page_request import PageRequest
from console.service import ApiAway, Problem
from console.sessions import Flash
from console.texts import N_, Texts
from domain.event_delivery.answers import Outcome

_NOT_HELD = {"not-found": N_("The order is not held any more.")}
_NOT_GIVEN_UP = {**_NOT_HELD, "another-event-held": N_("Another event holds the order now. Nothing was given up.")}


async def pause(visit: PageRequest) -> Response:
    """Have nothing sent until somebody resumes it."""
    return await _sent(visit, "pause", N_("Paused. Events are kept for it for a limited time."))


async def ping(visit: PageRequest) -> Response:
    """Ask the consumer whether it is there. A consumer that has not agreed yet agrees by its answer."""
    try:
        answer = await visit.api.send("POST", of_api(visit, "ping"))
    except (ApiAway, Problem) as error:
        return _refused(visit, error)
    return visit.redirect(page_of(visit), _pinged(answer.body, visit.texts))


async def retry_held(visit: PageRequest) -> Response:
    """Have the event sent again that holds an order."""
    return await _sent(visit, held_act(visit, "retry"), N_("The event will be sent again."), notes=_NOT_HELD)


async def skip_held(visit: PageRequest) -> Response:
    """Give up the event that the form names, if it still holds the order.

    A form that is sent again, after an answer that was lost, does not give up the next one.
    """
    event = {"eventId": (await visit.form()).get("event", "")}
    done = N_("The event is given up. The order does not wait for it any more.")
    return await _sent(visit, held_act(visit, "skip"), done, event, notes=_NOT_GIVEN_UP)


async def _sent(
    visit: PageRequest,
    act: str,
    done: str,
    body: Mapping[str, str] | None = None,
    *,
    notes: Sentences = {},  # noqa: B006 - it is not changed
) -> Response:
    """Carry out an act.

    Args:
        visit: The request.
        act: The end of the API's path.
        done: What is said afterwards, marked for translation.
        body: What the API is sent.
        notes: What is said, by the slug of a refusal, if there is nothing left to do.
    """
    try:
        answer = await visit.api.send("POST", of_api(visit, act), body)
    except (ApiAway, Problem) as error:
        if isinstance(error, Problem) and error.slug in notes:
            return visit.redirect(page_of(visit), Flash(visit.texts(notes[error.slug]), "note"))
        return _refused(visit, error)
    return visit.redirect(page_of(visit), Flash(after(done, answer.body, visit.texts)))


def _refused(visit: PageRequest, error: ApiAway | Problem) -> Response:
    if isinstance(error, Problem) and error.is_of_the_page:
        raise error
    return visit.redirect(page_of(visit), Flash(said(error, visit.texts), "refused"))


def _pinged(answer: Mapping[str, Any], texts: Texts) -> Flash:
    """Return what is said about the consumer's answer to a ping."""
    outcome, failure = answer["outcome"], answer["failure"]
    if outcome is None:
        return Flash(texts("The consumer has not answered yet. The attempts will tell."), "note")
    took = texts.number(answer["milliseconds"])
    if outcome == Outcome.DELIVERED:
        return Flash(
            texts("The consumer has answered: %(status)s, in %(took)s ms.", status=answer["status"], took=took)
        )
    why = texts(FAILURE.get(failure, failure)) if failure else f"{answer['status'] or ''}"
    return Flash(
        texts("The ping did not succeed: %(outcome)s. %(why)s", outcome=texts(OUTCOME.get(outcome, outcome)), why=why),
        "refused",
    )
