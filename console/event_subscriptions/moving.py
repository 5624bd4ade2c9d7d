"""Where an event subscription goes on: a manager resumes it, or has events sent again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from console.event_subscriptions.addresses import of_api, page_of
from console.event_subscriptions.fields import AFTER, AT, HERE, NEXT, OLDEST, STARTS, FormPage, pointers, start_of
from console.event_subscriptions.refusals import form_again
from console.event_subscriptions.standing import after, events_are_gone
from console.forms import Form
from console.managers.center import Refusal
from console.page_request import PageRequest
from console.service import ApiAway, Problem
from console.sessions import Flash
from console.texts import N_

_GONE = N_("The next events are not kept any more, so none of them can be sent again.")


@dataclass(frozen=True)
class Move:
    """A way to go on elsewhere. The texts are marked for translation."""

    act: str
    """End of the path, here and in the API."""
    starts: Sequence[str]
    title: str
    effect: str
    button: str
    done: str
    impossible: str
    """What is said if the subscription's state or position does not allow it."""


RESUME = Move(
    "resume",
    (HERE, OLDEST, NEXT, AT, AFTER),
    N_("Resume the subscription"),
    N_("What is left out between the old position and a later one is not sent any more."),
    N_("Resume"),
    N_("Resumed."),
    N_("The subscription is not paused any more."),
)
REPLAY = Move(
    "replay",
    (OLDEST, AT, AFTER),
    N_("Send events again"),
    N_(
        "Everything after the position is sent again, with the same ids and in the same order. "
        "The consumer has to know by the ids what it has already."
    ),
    N_("Send again"),
    N_("The events after this position will be sent again."),
    N_("Events before this position are not delivered yet. One can only go back."),
)


@dataclass(frozen=True)
class MovePage(FormPage):
    """The question where to go on."""

    move: Move
    path: str
    """Path of the subscription."""
    name: str
    """What the subscription is called. Empty: it is not known now."""
    delivered: str
    """The present position."""
    starts: Mapping[str, str]
    form: Form


async def ask_resume(visit: PageRequest) -> Response:
    """Ask where to go on."""
    return await _ask(visit, RESUME, Refusal(Form(), 200))


async def resume(visit: PageRequest) -> Response:
    """Resume the subscription."""
    return await _move(visit, RESUME)


async def ask_replay(visit: PageRequest) -> Response:
    """Ask from where on events are sent again."""
    return await _ask(visit, REPLAY, Refusal(Form(), 200))


async def replay(visit: PageRequest) -> Response:
    """Have events sent again."""
    return await _move(visit, REPLAY)


async def _move(visit: PageRequest, move: Move) -> Response:
    values, texts = await visit.form(), visit.texts
    start, wrong = start_of(values, texts, move.starts)
    if wrong:
        return await _ask(visit, move, Refusal(wrong))
    try:
        answer = await visit.api.send("POST", of_api(visit, move.act), {} if start is None else {"from": start})
    except (ApiAway, Problem) as error:
        special = {"illegal-transition": move.impossible}
        return await _ask(visit, move, form_again(error, values, texts, pointers(values), special))
    return visit.redirect(page_of(visit), Flash(after(move.done, answer.body, texts)))


async def _ask(visit: PageRequest, move: Move, refused: Refusal) -> Response:
    try:
        facts = await visit.api.get(of_api(visit))
    except (ApiAway, Problem):
        if refused.status == 200:
            raise
        facts = {"name": "", "delivered": "", "pause": None}
    gone = events_are_gone(facts)
    if gone and move is REPLAY:
        return visit.redirect(page_of(visit), Flash(visit.texts(_GONE), "note"))
    # Where the next events are gone, nobody can go on.
    starts = {name: STARTS[name] for name in move.starts if not (gone and name == HERE)}
    form = refused.form
    if not form.values:
        form = Form({"start": next(iter(starts))})
    page = MovePage(move, page_of(visit), facts["name"], facts["delivered"], starts, form)
    return await visit.page("event_subscriptions/move.html", page, refused.status)
