"""A manager assigns an engineer: who could come, and why another could not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from console.forms import missing
from console.managers.center import reach_if_there
from console.managers.explanations import OBSTACLE, regions_in_question
from console.managers.questions import NEW, Question, Refusal, send
from console.page_request import PageRequest
from console.paths import path_of
from console.service import ApiAway, Problem
from console.sessions import Flash
from console.texts import N_

_FREE = N_("Free")
_ELSEWHEN = frozenset({"DAY_OFF", "NOT_WORKING", "BOOKED"})
"""Obstacles of the window alone: the engineer can come at another time."""
_UNKNOWN: Mapping[str, Any] = {"region": None, "attention": None, "engineerId": None}
"""What is known of an order that cannot be read now."""


@dataclass(frozen=True)
class Candidate:
    """An engineer who could be assigned, or cannot."""

    engineer_id: str
    name: str
    visits_that_day: int
    skills: Sequence[str]
    missing_skills: Sequence[str]
    obstacle: str | None
    current: bool
    """Whether the order is assigned to this engineer now."""

    @property
    def assignable(self) -> bool:
        """Whether a manager may assign the order to this engineer."""
        return self.obstacle != "INACTIVE" and not self.current

    @property
    def moves(self) -> bool:
        """Whether the visit would be at another time, the next at which the engineer is free."""
        return self.obstacle in _ELSEWHEN

    @property
    def state(self) -> str:
        """Whether the engineer is free, or why not, as a text marked for translation."""
        return _FREE if self.obstacle is None else OBSTACLE.get(self.obstacle, self.obstacle)


@dataclass(frozen=True)
class AssignPage:
    """The engineers of a region, for an order."""

    question: Question
    region: str | None
    regions: Sequence[str]
    """Regions that can be chosen: those of the manager, and of these the ones in which the address may be."""
    visit: Mapping[str, Any] | None
    """The window for which this holds."""
    candidates: Sequence[Candidate]
    away: bool
    """Whether the management center does not answer now."""
    kept: str
    """Id of the engineer who was chosen, if no engineers can be shown."""


async def ask_assign(visit: PageRequest, refusal: Refusal = NEW) -> Response:
    """Show who could come."""
    question = await Question.about(visit, refusal)
    order: Mapping[str, Any] = question.facts.order if question.facts else _UNKNOWN
    region = visit.query.get("region") or refusal.form.value("region") or order["region"]
    found: Mapping[str, Any] = {"visit": None, "items": []}
    away = question.facts is None
    if region is not None and question.facts and question.facts.changeable:
        try:
            path = path_of("/managementCenters/assignments", question.order_id, "candidates")
            found = await visit.api.get(path, {"region": region})
        except ApiAway:
            away = True
        except Problem as problem:
            if problem.status < HTTPStatus.INTERNAL_SERVER_ERROR and not problem.passes:
                raise
            away = True
    own = (await reach_if_there(visit)).regions
    in_question = regions_in_question((order["attention"] or {}).get("detail"))
    page = AssignPage(
        question,
        region,
        [one for one in in_question if one in own] or own,
        found["visit"],
        [_candidate(one, order["engineerId"]) for one in found["items"]],
        away,
        refusal.form.value("engineerId") if away else "",
    )
    return await visit.page("managers/assign.html", page, refusal.status)


async def assign(visit: PageRequest) -> Response:
    """Assign the engineer who was chosen."""
    order_id, values = visit.path_value("orderId"), await visit.form()
    if incomplete := missing(values, (), visit.texts, choices=("engineerId",)):
        return await ask_assign(visit, Refusal(incomplete, 422))
    path = path_of("/managementCenters/assignments", order_id)
    outcome = await send(visit, "PUT", path, values, {"engineerId": values["engineerId"]})
    if isinstance(outcome, Refusal):
        return await ask_assign(visit, outcome)
    done = visit.texts("%(name)s is assigned, and is being asked to come.", name=outcome.body["engineerName"])
    return visit.redirect(path_of("/orders", order_id), Flash(done))


def _candidate(one: Mapping[str, Any], current: str | None) -> Candidate:
    return Candidate(
        one["engineerId"],
        one["name"],
        one["visitsThatDay"],
        one["skills"],
        one["missingSkills"],
        one["reason"],
        one["engineerId"] == current,
    )
