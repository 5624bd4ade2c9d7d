"""What an engineer decides and reports. Each action has a page of its own, which keeps what was entered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.datastructures import FormData
from starlette.responses import Response

from console.engineers import day
from console.engineers.labels import DECLINE, INCOMPLETE, WORDS, Words
from console.engineers.visit import moved, moved_sentence, visit_page, why_not
from console.engineers.visits import Visit, act, find, page_of
from console.forms import Form, missing, refused, sent
from console.page_request import PageRequest
from console.routing import Handler
from console.service import ApiAway, Problem
from console.sessions import Flash
from console.texts import Texts
from domain.installation import EngineerAction

MOST_SERIALS = 50
_LINES = 3
"""Lines for serial numbers in an empty form: for a modem, a router and a set-top box."""
_STATE = frozenset({403, 404, 409})
"""Statuses of problems that repeating the request does not solve: the visit is another one now."""


@dataclass(frozen=True)
class ActPage:
    """One action of an engineer on one visit."""

    me: str
    """Subject of the engineer."""
    action: EngineerAction
    words: Words
    order_id: str
    visit: Visit | None
    """None: it cannot be shown now."""
    seen: str
    """Start of the window for which the engineer acts."""
    form: Form
    reasons: Mapping[str, str]
    """Reasons to choose from, with texts marked for translation."""
    serials: Sequence[str]
    """Lines for serial numbers."""
    at_line: int | None = None
    """The line to go on with."""

    @property
    def longest_note(self) -> int:
        """Most characters of the note. The API takes a reason with its note as one text of 200."""
        return 120 if self.action is EngineerAction.DECLINE else 200

    def names(self, texts: Texts) -> dict[str, str]:
        """Return what the fields are called, for a summary of what is wrong with them."""
        lines = {
            f"serial-{line}": texts("Serial number %(number)s", number=line) for line in range(1, MOST_SERIALS + 1)
        }
        return {"reason": texts("Your reason"), "note": texts("Note"), **lines}

    def entered(self, texts: Texts) -> list[str]:
        """Return what was entered, as it is read."""
        reason = self.form.value("reason")
        each = [texts(self.reasons.get(reason, reason)) if reason else "", self.form.value("note"), *self.serials]
        return [one for one in each if one]

    @property
    def path(self) -> str:
        """Where the form is sent."""
        return page_of(self.order_id, self.action)


def asking(action: EngineerAction) -> Handler:
    """Return what shows the page of an action."""

    async def ask(asked: PageRequest) -> Response:
        visit = await find(asked, asked.path_value("orderId"))
        if action not in visit.actions:
            return asked.redirect(visit.path)
        return await _page(asked, _blank(asked, action, visit))

    return ask


def acting(action: EngineerAction) -> Handler:
    """Return what carries out an action, and leads to what comes next."""

    async def carry_out(asked: PageRequest) -> Response:
        data = await asked.form_data()
        values, serials = sent(data), _serials_in(data)
        page = replace(_blank(asked, action, None), form=Form(values), serials=serials, seen=values.get("visit", ""))
        if "more" in values:
            return await _with_another_line(asked, page)
        if action in (EngineerAction.DECLINE, EngineerAction.INCOMPLETE) and not values.get("reason"):
            page = replace(page, form=missing(values, (), asked.texts, choices=("reason",)) or Form())
            return await _page(asked, await _with_facts(asked, page), 422)
        return await _carry_out(asked, page, _body(action, values, serials, asked.texts))

    return carry_out


async def _carry_out(asked: PageRequest, page: ActPage, body: Mapping[str, Any]) -> Response:
    try:
        visit = await find(asked, page.order_id)
        page = replace(page, visit=visit)
        if moved(visit, page.seen):
            return await visit_page(asked, visit, moved_sentence(visit, asked.texts), page.entered(asked.texts))
        await act(asked.api, page.order_id, page.action, body)
    except ApiAway as error:
        return await _again(asked, page, error, 503)
    except Problem as problem:
        if problem.status in _STATE:
            now = await find(asked, page.order_id)
            return await visit_page(asked, now, why_not(problem, now, asked.texts), page.entered(asked.texts))
        if problem.passes or problem.status == 422:
            return await _again(asked, page, problem, problem.status)
        raise
    return asked.redirect(_then(page.action, visit), Flash(asked.texts(page.words.done)))


async def _again(asked: PageRequest, page: ActPage, error: Problem | ApiAway, status: int) -> Response:
    """Return the form as it was filled, with what has to be said about it."""
    fields = {"/reason": "reason", "/note": "note", "/serials": "serial-1"}
    fields |= {f"/serials/{number}": f"serial-{number + 1}" for number in range(len(page.serials))}
    form = refused(error, page.form.values, asked.texts, fields)
    response = await _page(asked, replace(page, form=form), status)
    if form.retry_after:
        response.headers["Retry-After"] = str(form.retry_after)
    return response


async def _with_another_line(asked: PageRequest, page: ActPage) -> Response:
    """Return the form with one more line for a serial number. Nothing is sent to the API but for the facts."""
    lines = [*page.serials, ""][:MOST_SERIALS]
    return await _page(asked, replace(await _with_facts(asked, page), serials=lines, at_line=len(lines)))


async def _with_facts(asked: PageRequest, page: ActPage) -> ActPage:
    """Return the page with the visit that it is about, if that can be shown now."""
    try:
        return replace(page, visit=await find(asked, page.order_id))
    except (ApiAway, Problem):
        return page


async def _page(asked: PageRequest, page: ActPage, status: int = 200) -> Response:
    lines = page.serials if len(page.serials) >= _LINES else [*page.serials, *[""] * (_LINES - len(page.serials))]
    return await asked.page("engineers/act.html", replace(page, serials=lines), status)


def _blank(asked: PageRequest, action: EngineerAction, visit: Visit | None) -> ActPage:
    reasons = {EngineerAction.DECLINE: DECLINE, EngineerAction.INCOMPLETE: INCOMPLETE}.get(action, {})
    order_id, start = asked.path_value("orderId"), visit.start if visit else ""
    return ActPage(asked.person.subject, action, WORDS[action], order_id, visit, start, Form(), reasons, ())


def _then(action: EngineerAction, visit: Visit) -> str:
    """Return where an engineer goes on: at the visit that has begun, or else at its day."""
    if action is EngineerAction.START or visit.day is None:
        return visit.path
    return f"{day.PATH}?date={visit.day}"


def _serials_in(data: FormData) -> list[str]:
    lines = [line.strip() for line in data.getlist("serial") if isinstance(line, str)]
    return [line for line in lines if line]


def _body(action: EngineerAction, values: Mapping[str, str], serials: Sequence[str], texts: Texts) -> dict[str, Any]:
    reason, note = values.get("reason", ""), values.get("note") or None
    match action:
        case EngineerAction.DECLINE:
            chosen = texts(DECLINE[reason]) if reason in DECLINE else reason
            return {"reason": f"{chosen}: {note}" if note else chosen}
        case EngineerAction.INCOMPLETE:
            return {"reason": reason, "note": note}
        case EngineerAction.COMPLETE:
            return {"note": note, "serials": serials}
    return {}
