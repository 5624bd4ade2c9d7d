"""One visit: what the engineer needs to know, and what can be done next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from console.engineers.labels import WORDS, Words
from console.engineers.visits import FailedVisit, Visit, failed_before, find
from console.page_request import PageRequest
from console.problems import sentence
from console.service import Problem
from console.texts import N_, Texts
from domain.installation import EngineerAction, InstallationStatus

_CANCELED = frozenset({"the order has been canceled", "the order is being canceled"})
_MOVING = "the installation is being moved to another engineer or another time"
_ALREADY: Mapping[str, str] = {
    InstallationStatus.REQUESTED: N_("You have not accepted this visit yet. Please accept it first."),
    InstallationStatus.ACCEPTED: N_(
        "You have already accepted this visit. If you cannot come, please call the center."
    ),
    InstallationStatus.STARTED: N_("You have already begun this installation."),
    InstallationStatus.DECLINED: N_("You have already declined this visit. Another engineer is asked."),
    InstallationStatus.COMPLETED: N_("The installation has already been reported as done."),
    InstallationStatus.INCOMPLETE: N_("You have already reported that you could not install."),
    InstallationStatus.CANCELED: N_("This visit was moved to another engineer or another time. You do not need to go."),
}
"""Why an action does not count, by what the installation is now."""


@dataclass(frozen=True)
class VisitPage:
    """One visit."""

    me: str
    """Subject of the engineer."""
    visit: Visit
    failed: Sequence[FailedVisit] | None
    """Earlier visits that led to nothing, the newest first. None: they cannot be told now."""
    refusal: str | None = None
    """Why what the engineer has just sent does not count."""
    entered: Sequence[str] = ()
    """What had been entered, so that it is not lost with the refusal."""

    @property
    def words(self) -> Mapping[EngineerAction, Words]:
        """The words for each action."""
        return WORDS


async def show_visit(asked: PageRequest) -> Response:
    """Show a visit."""
    return await visit_page(asked, await find(asked, asked.path_value("orderId")))


async def visit_page(
    asked: PageRequest, visit: Visit, refusal: str | None = None, entered: Sequence[str] = ()
) -> Response:
    """Return the page of a visit. If what was sent does not count, it says why, and what had been entered."""
    failed = await failed_before(asked, visit.order_id)
    page = VisitPage(asked.person.subject, visit, failed, refusal, entered)
    return await asked.page("engineers/visit.html", page, 409 if refusal else 200)


def moved(visit: Visit, start: str) -> bool:
    """Return whether the engineer has seen another window than the one that the visit has now."""
    return bool(start) and start != visit.start and bool(visit.actions)


def moved_sentence(visit: Visit, texts: Texts) -> str:
    """Return what an engineer is told whose action was meant for the former window of a visit."""
    if visit.window is None:
        return texts("This visit was changed meanwhile. Please look at it again.")
    return texts("This visit was moved to %(window)s. Please look at it again.", window=texts.window(visit.window))


def why_not(problem: Problem, visit: Visit, texts: Texts) -> str:
    """Return why the API refuses an action, in the words of what is true now."""
    if problem.detail in _CANCELED:
        return texts("This order has been canceled. You do not need to go.")
    if problem.detail == _MOVING:
        return texts("This visit is being moved right now. Please look at it again in a moment.")
    return texts(_ALREADY[visit.status]) if visit.status in _ALREADY else sentence(problem, texts)
