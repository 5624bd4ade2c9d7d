"""A manager moves the visit to another window, with the same engineer if possible."""

from dataclasses import dataclass

from starlette.responses import Response

from console.customers.calls import FreeTimes, chosen_elsewhere, days_of, times_of
from console.forms import missing
from console.managers.questions import NEW, Question, Refusal, send
from console.page_request import PageRequest
from console.paths import path_of
from console.sessions import Flash


@dataclass(frozen=True)
class ReschedulePage:
    """The windows that can be chosen, as the customer has them."""

    question: Question
    start: str
    """First day that is looked at. Empty: today."""
    times: FreeTimes
    nearest: bool
    """Whether these are the nearest to one that has just been taken."""
    chosen: str | None
    """The chosen time, if it is not among those that are shown, and has not just been taken."""


async def ask_reschedule(visit: PageRequest, refusal: Refusal = NEW) -> Response:
    """Show the free windows: of two weeks, or the nearest to one that has just been taken."""
    question, nearest = await Question.about(visit, refusal), refusal.members.get("slots") or ()
    start = refusal.form.value("from") or visit.query.get("from", "")
    if nearest:
        times = FreeTimes(days_of(nearest, visit.texts))
    elif question.facts:
        times = await times_of(visit, question.order_id, start)
    else:
        times = FreeTimes(known=False)
    chosen = None if nearest else chosen_elsewhere(refusal.form.value("visit"), times, visit.texts)
    page = ReschedulePage(question, start, times, bool(nearest), chosen)
    return await visit.page("managers/reschedule.html", page, refusal.status)


async def reschedule(visit: PageRequest) -> Response:
    """Move the visit to the window that was chosen."""
    order_id, values = visit.path_value("orderId"), await visit.form()
    if incomplete := missing(values, (), visit.texts, choices=("visit",)):
        return await ask_reschedule(visit, Refusal(incomplete, 422))
    path = path_of("/orders", order_id, "reschedule")
    outcome = await send(visit, "POST", path, values, {"preferredVisit": values["visit"]})
    if isinstance(outcome, Refusal):
        return await ask_reschedule(visit, outcome)
    window, texts = outcome.body["visit"], visit.texts
    if window:
        done = texts("The visit has been moved to %(window)s.", window=texts.window(window))
    else:
        done = texts("The visit has been moved.")
    return visit.redirect(path_of("/orders", order_id), Flash(done))
